import Foundation
import TestSupport
import Testing

@Suite("Daemons and kedastral check with restricted Redis users")
struct RedisPermissionHostTests {
  private func server() async throws -> RedisServer {
    let redis = try await RedisServer()
    for rules in [
      ["app", "~*", "resetchannels", "+@all"],
      ["scaler", "%R~forecast:*", "resetchannels", "&forecast:updates:*", "-@all", "+getrange", "+scan", "+subscribe"],
      ["mute-scaler", "%R~forecast:*", "resetchannels", "-@all", "+getrange", "+scan", "+subscribe"],
      ["keyless", "resetkeys", "&*", "+@all"],
    ] {
      #expect(try await redis.cli(["ACL", "SETUSER", rules[0], "on", ">secret"] + rules.dropFirst()) == "OK")
    }
    return redis
  }

  private func settings(_ redis: RedisServer, _ user: String) -> [String] {
    ["-storage=redis", "-redis-addr=127.0.0.1:\(redis.port)", "-redis-username=\(user)", "-redis-password=secret"]
  }

  @Test("check judges permissions by the role: a read-only user is enough for a scaler, not for a forecaster")
  func check() async throws {
    let redis = try await server()
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api}")
    let cases: [(user: String, role: String, exitCode: Int32, parts: [String])] = [
      ("default", "all", 0, []),
      ("app", "all", 0, ["warning: ", "announce plans", "subscribe to forecast:updates:0", "NOPERM", "channel"]),
      ("app", "forecaster", 0, ["warning: ", "NOPERM"]),
      ("scaler", "scaler", 0, ["127.0.0.1:\(redis.port): ok"]),
      ("mute-scaler", "scaler", 0, ["warning: ", "subscribe to", "NOPERM"]),
      ("scaler", "all", 1, ["does not let the user store plans: NOPERM"]),
      ("keyless", "scaler", 1, ["does not let the user read plans under forecast:: NOPERM"]),
      ("keyless", "all", 1, ["does not let the user read plans under forecast:: NOPERM"]),
    ]
    for (user, role, exitCode, parts) in cases {
      let file = role == "scaler" ? [] : ["-config", trace.file]
      let credentials =
        user == "default"
        ? ["-storage=redis", "-redis-addr=127.0.0.1:\(redis.port)"] : settings(redis, user)
      let run = try await Daemon.run("kedastral", ["check", "--role", role] + file + credentials)
      #expect(run.exitCode == exitCode, "\(user) as \(role): \(run.output)")
      for part in parts { #expect(run.output.contains(part), "\(user) as \(role): \(run.output)") }
      if parts.isEmpty { #expect(!run.output.contains("NOPERM"), "\(run.output)") }
    }
    #expect(try await redis.cli("DBSIZE").filter(\.isNumber) == "0", "nothing is stored")
  }

  @Test("check tries the forecaster that a scaler follows, and rejects an unknown role")
  func scalerOfForecaster() async throws {
    let port = freePort()
    let gone = try await Daemon.run(
      "kedastral", ["check", "--role=scaler", "-forecaster-url=http://127.0.0.1:\(port)", "-o", "json"])
    #expect(gone.exitCode == 1 && gone.output.contains(#""ok":false"#) && gone.output.contains("\(port)"))
    let unknown = try await Daemon.run("kedastral", ["check", "--role=scalar"])
    #expect(unknown.exitCode == 2 && unknown.output.contains("did you mean scaler?"), "\(unknown.output)")
  }

  @Test("daemons of users without channels log Redis's error and exchange plans by reads, without reconnecting")
  func daemons() async throws {
    let redis = try await server()
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api}")
    let (grpc, operations) = (freePort(), freePort())
    let forecaster = try Daemon(
      "kedastral-forecaster",
      ["-config", trace.file, "-listen", "127.0.0.1:\(freePort())"] + settings(redis, "app"))
    let scaler = try Daemon(
      "kedastral-scaler",
      ["-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(operations)"] + settings(redis, "mute-scaler"))
    try await eventually("a ready scaler") { await Daemon.get(operations, "/readyz").status == 200 }
    try await eventually("the forecaster's warning") {
      forecaster.process.output.contains("redis refuses PUBLISH") && forecaster.process.output.contains("NOPERM")
    }
    try await eventually("the scaler's warning") {
      scaler.process.output.contains("redis refuses SUBSCRIBE") && scaler.process.output.contains("NOPERM")
    }
    func connections() async throws -> Set<Substring> {
      let lines = try await redis.cli("CLIENT", "LIST").split(whereSeparator: \.isNewline)
      return Set(lines.filter { $0.contains(" user=mute-scaler ") }.compactMap { $0.split(separator: " ").first })
    }
    let before = try await connections()
    // A plan is forecast each second and read each ten: two readings later the plan is at most that old.
    try await redis.cli("CONFIG", "RESETSTAT")
    let start = ContinuousClock.now
    try await eventually("two more readings") {
      let statistics = try await redis.cli("INFO", "commandstats")
      return statistics.contains("cmdstat_scan:calls=2") || statistics.contains("cmdstat_scan:calls=3")
    }
    #expect(start.duration(to: .now) < .seconds(29), "read each ten seconds, not each thirty")
    #expect(try await connections() == before)
    #expect(try await KEDAClient.ask(grpc, ["workload": "api"]).value == 30)
    for daemon in [forecaster, scaler] { daemon.process.signal(SIGTERM) }
    for daemon in [forecaster, scaler] { #expect(try await daemon.process.waitForExit() == 0) }
    redis.kill()
  }

  @Test("a scaler whose user may not read the keys is not ready, and reports Redis's error")
  func keylessScaler() async throws {
    let redis = try await server()
    let operations = freePort()
    let scaler = try Daemon(
      "kedastral-scaler",
      ["-listen", "127.0.0.1:\(freePort())", "-http-listen", "127.0.0.1:\(operations)"] + settings(redis, "keyless"))
    try await redis.cli("SET", "forecast:api", "{}")
    try await eventually("the reason") {
      let ready = await Daemon.get(operations, "/readyz")
      return ready.status == 503 && ready.body.contains("does not let the user read plans: NOPERM")
    }
    scaler.process.signal(SIGTERM)
    #expect(try await scaler.process.waitForExit() == 0)
    redis.kill()
  }
}
