import Foundation
import TestSupport
import Testing

@Suite("URLs in settings")
struct URLSettingsTests {
  /// What makes a text no URL of a server that is reached by HTTP.
  static let malformed = [
    "prometheus:9090", "prometheus", "//prometheus:9090", "http:/prometheus", "http://", "http:///metrics",
    "http://:9090", "ftp://prometheus", "http://prometheus:99999", "http://prometheus:0", "http://prometheus:port",
    "http://prometheus:-1", "http://[::1", "http://::1:9090", "http://two words", "http://tab\tbed",
    "http://prometheus:9090/#/graph", "'http://prometheus:9090'", "http://prometheus:9090, http://other:9090",
    "unix:///run/prometheus.sock", "{{.Server}}/metrics",
  ]

  /// The same for a proxy, which has other schemes and no path.
  static let malformedProxies = [
    "proxy:3128", "http://", "ftp://proxy", "http://proxy:99999", "http://proxy/path", "http://proxy?x=1",
    "socks://proxy",
    "http://two words",
  ]

  /// And for Redis.
  static let malformedRedis = [
    "redis:6379", "http://redis:6379", "redis://redis:99999", "redis://redis:0", "redis://redis:port",
    "redis://::1:6379", "redis://redis/x", "redis://redis/-1", "redis://redis/1/2", "redis://redis?ssl=true",
    "redis://redis/1?db=2", "redis://redis#1", "redis://p%4w@redis", "redis://a,b:6379", "unix://run/redis.sock",
    "redis://two words",
  ]

  private func check(_ arguments: [String], environment: [String: String] = [:]) async throws
    -> (exitCode: Int32, output: String)
  {
    try await Daemon.run("kedastral", ["check", "--offline"] + arguments, environment: environment)
  }

  private let workload = ["-workload=api", "-metric=rps", "-adapter-query=up"]

  @Test("a malformed URL of a source, a remote model or a forecaster ends every program with 2", arguments: malformed)
  func web(url: String) async throws {
    let settings: [(flags: [String], name: String)] = [
      (workload + ["-adapter-url=\(url)"], "-adapter-url"),
      (workload + ["-model=byom", "-byom-url=\(url)"], "-byom-url"),
      (["--role=scaler", "-forecaster-url=\(url)"], "-forecaster-url"),
    ]
    for (flags, name) in settings {
      let run = try await check(flags)
      #expect(run.exitCode == 2 && run.output.contains("\(name): "), "\(flags): \(run.output)")
      #expect(run.output.contains("is not an http or https URL"), "\(run.output)")
    }
    let server = try await Daemon.run("kedastral", ["get", "workloads", "--server", url])
    #expect(server.exitCode == 2 && server.output.contains("is not an http or https URL"), "\(server.output)")
  }

  @Test("a malformed URL in a file is refused at its place, for each kind of source", arguments: malformed)
  func file(url: String) async throws {
    let folder = try TemporaryFolder()
    let quoted = "\"" + url.replacing("\t", with: "\\t") + "\""
    let sources = [
      "{type: prometheus, query: up, url: \(quoted)}", "{type: http, valuePath: v, url: \(quoted)}",
      "{type: scrape, metric: up, url: \(quoted)}",
    ]
    let list = sources.enumerated().map { "  - {name: w\($0), metric: rps, source: \($1)}" }
    let file = try folder.write("workloads:\n" + list.joined(separator: "\n") + "\n", to: "k.yaml")
    let run = try await check(["-config=\(file)"])
    #expect(run.exitCode == 2)
    for index in sources.indices { #expect(run.output.contains("workloads[\(index)].source.url"), "\(run.output)") }
  }

  @Test("a malformed URL of a proxy ends with 2", arguments: malformedProxies)
  func proxy(url: String) async throws {
    let run = try await check(workload + ["-adapter-proxy=\(url)"])
    #expect(run.exitCode == 2 && run.output.contains("is not the URL of a proxy"), "\(run.output)")
  }

  @Test("a malformed Redis URL ends check and the daemons with 2, before anything is served", arguments: malformedRedis)
  func redis(url: String) async throws {
    let port = freePort()
    let storage = ["-storage=redis", "-redis-url=\(url)"]
    let runs = [
      try await check(workload + storage),
      try await check(["--role=scaler"] + storage),
      try await Daemon.run(
        "kedastral-scaler", storage + ["-listen=127.0.0.1:\(port)", "-http-listen=127.0.0.1:\(port)"]),
      try await Daemon.run("kedastral-forecaster", workload + storage + ["-listen=127.0.0.1:\(port)"]),
      try await check(workload + ["-storage=redis"], environment: ["REDIS_URL": url]),
    ]
    for run in runs {
      #expect(run.exitCode == 2 && run.output.contains("Redis"), "\(url): \(run.output)")
      #expect(!run.output.contains("serving"))
    }
  }

  @Test("a Redis URL and contradicting settings exit with 2 and name both")
  func contradictions() async throws {
    let folder = try TemporaryFolder()
    let ca = try folder.write("", to: "ca.pem")
    let cases: [(flags: [String], environment: [String: String], words: String)] = [
      (["-redis-url=redis://h", "-redis-addr=h:6379"], [:], "a Redis URL and an address"),
      (["-redis-url=redis://h"], ["REDIS_ADDR": "h:6379"], "a Redis URL and an address"),
      (["-redis-addr=h:6379"], ["REDIS_URL": "redis://h"], "a Redis URL and an address"),
      (["-redis-url=redis://h", "-redis-addr=/run/redis.sock"], [:], "a Redis URL and an address"),
      (
        ["-redis-url=redis://h", "-redis-sentinels=s:26379", "-redis-sentinel-master=m"], [:],
        "a Redis URL and sentinels"
      ),
      (["-redis-url=redis://h", "-redis-sentinel-master=m"], [:], "can only be found through sentinels"),
      (["-redis-url=redis://h", "-redis-sentinel-username=u"], [:], "this needs sentinels, but none are given"),
      (["-redis-url=redis://h", "-redis-sentinel-password=p"], [:], "this needs sentinels, but none are given"),
      (["-redis-url=redis://h/3", "-redis-cluster"], [:], "a cluster has database 0 alone, not 3"),
      (["-redis-url=redis://h", "-redis-db=3", "-redis-cluster"], [:], "only the database 0, not 3"),
      (["-redis-url=rediss://h", "-redis-tls=false"], [:], "TLS is off, but the URL's rediss://"),
      (["-redis-url=rediss://h"], ["REDIS_TLS": "false"], "TLS is off, but the URL's rediss://"),
      (["-redis-url=redis://h", "-redis-tls-ca-file=\(ca)"], [:], "no effect without TLS"),
      (["-redis-url=redis://h", "-redis-tls-server-name=redis"], [:], "no effect without TLS"),
      (["-redis-url=unix:///run/redis.sock", "-redis-tls"], [:], "a Unix socket has no TLS"),
      (["-redis-url=redis://h", "-redis-db=-1"], [:], "is negative"),
      (["-redis-url=redis://h", "-redis-db=five"], [:], "-redis-db"),
      (
        ["-redis-url=redis://h", "-redis-password=p", "-redis-password-file=\(ca)"], [:],
        "a password file are given together"
      ),
    ]
    for (flags, environment, words) in cases {
      let run = try await check(workload + ["-storage=redis"] + flags, environment: environment)
      #expect(run.exitCode == 2 && run.output.contains(words), "\(flags) \(environment): \(run.output)")
    }
  }

  @Test("separate database, user and password settings override those of the URL, in the running daemons")
  func precedence() async throws {
    let redis = try await RedisServer()
    for rules in [["alice", ">secret"], ["bob", ">secret"], ["carol", ">other"]] {
      try await redis.cli(["ACL", "SETUSER", rules[0], "on", rules[1], "~*", "&*", "+@all"])
    }
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api}")
    let folder = try TemporaryFolder()
    let file = try folder.write("secret\n", to: "password")
    let host = "127.0.0.1:\(redis.port)"
    let cases: [(url: String, flags: [String], environment: [String: String], database: Int, user: String)] = [
      ("redis://\(host)", ["-redis-db=5"], [:], 5, "default"),
      ("redis://\(host)/3", [], ["REDIS_DB": "6"], 6, "default"),
      ("redis://\(host)/3", ["-redis-db=0"], [:], 0, "default"),
      ("redis://\(host)/4", [], [:], 4, "default"),
      ("redis://alice@\(host)/7", [], ["REDIS_PASSWORD": "secret"], 7, "alice"),
      ("redis://alice:old@\(host)/8", [], ["REDIS_PASSWORD": "secret"], 8, "alice"),
      ("redis://alice:old@\(host)/9", ["-redis-password-file=\(file)"], [:], 9, "alice"),
      ("redis://alice:secret@\(host)/10", ["-redis-username=bob"], [:], 10, "bob"),
      ("redis://alice:secret@\(host)/11", ["-redis-username=carol", "-redis-password=other"], [:], 11, "carol"),
    ]
    for (url, flags, environment, database, user) in cases {
      let settings = ["-storage=redis", "-redis-url=\(url)"] + flags
      let forecaster = try Daemon(
        "kedastral-forecaster", ["-config", trace.file, "-listen=127.0.0.1:\(freePort())"] + settings,
        environment: environment)
      let operations = freePort()
      let scaler = try Daemon(
        "kedastral-scaler", ["-listen=127.0.0.1:\(freePort())", "-http-listen=127.0.0.1:\(operations)"] + settings,
        environment: environment)
      try await eventually("the plan in database \(database): \(url) \(flags)") {
        try await redis.cli("-n", "\(database)", "EXISTS", "forecast:api").hasSuffix("1")
      }
      try await eventually("a scaler with it") { await Daemon.get(operations, "/readyz").status == 200 }
      let clients = try await redis.cli("CLIENT", "LIST").split(whereSeparator: \.isNewline)
      let ours = clients.filter { !$0.contains("cmd=client") }
      #expect(ours.allSatisfy { $0.contains(" user=\(user) ") && $0.contains(" db=\(database) ") }, "\(url): \(ours)")
      for daemon in [forecaster, scaler] { daemon.process.signal(SIGTERM) }
      for daemon in [forecaster, scaler] { #expect(try await daemon.process.waitForExit() == 0) }
      try await redis.cli("FLUSHALL")
    }
    redis.kill()
  }
}
