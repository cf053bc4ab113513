import Foundation
import TestSupport
import Testing

@Suite("kedastral check")
struct CheckCommandTests {
  private func check(_ arguments: String...) async throws -> (exitCode: Int32, output: String) {
    try await Daemon.run("kedastral", ["check"] + arguments)
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
  }

  @Test("a valid configuration and sources that respond give a forecast and exit code 0")
  func right() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api}\n  - {name: web, policy: {targetPerPod: 50}}")
    let table = try await check("-config", trace.file)
    #expect(table.exitCode == 0)
    let rows = table.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(rows.contains(["api", "rps", "baseline", "ok", "1440", "300", "300", "300", "30"]), "\(table.output)")
    let document = try json(try await check("-config", trace.file, "-o", "json").output)
    #expect(document["ok"] as? Bool == true)
    let workloads = try #require(document["workloads"] as? [[String: Any]])
    #expect(workloads.map { $0["replicas"] as? Int } == [30, 6])
  }

  @Test("reports a failing source with its response, still checks the others, and exits with 1")
  func failingSource() async throws {
    let trace = try PlayedTrace { _ in 300 }
    let port = freePort()
    try trace.configure(
      """
        - {name: api}
        - {name: away, source: {type: prometheus, url: 'http://127.0.0.1:\(port)', query: up}}
        - {name: lost, source: {type: csv, path: /nowhere/load.csv}}
        - {name: page, source: {type: scrape, url: 'http://127.0.0.1:\(port)/metrics', metric: up}}
      """)
    let outcome = try await check("-config", trace.file, "-o", "json", "--deadline=5s")
    #expect(outcome.exitCode == 1)
    let workloads = try #require(try json(outcome.output)["workloads"] as? [[String: Any]])
    #expect(workloads.map { $0["source"] as? String } == ["ok", "fails", "fails", "fails"])
    #expect((workloads[1]["problem"] as? String)?.contains("127.0.0.1:\(port)") == true)
    #expect((workloads[2]["problem"] as? String)?.contains("/nowhere/load.csv") == true)
    let table = try await check("-config", trace.file)
    #expect(table.exitCode == 1 && table.output.contains("kedastral check: lost: "))
    let offline = try await check("-config", trace.file, "--offline")
    #expect(offline.exitCode == 0 && offline.output.contains("not asked"))
  }

  @Test("waits for a trigger's first value from KEDA, warns when there is none, and fails without KEDA")
  func keda() async throws {
    let certificates = try await TestCertificates()
    let keda = try await KedaMetricsDouble(certificates)
    defer { keda.stop() }
    let trace = try PlayedTrace { _ in 300 }
    let now = Int(Date().timeIntervalSince1970)
    let past = try trace.folder.write(
      (0..<60).map { "\(now - $0 * 60),\($0)" }.joined(separator: "\n"), to: "past.csv")
    func configure(_ workloads: (name: String, port: UInt16)...) throws {
      try trace.configure(
        workloads.map { name, port in
          """
            - name: \(name)
              source: {type: keda, address: "127.0.0.1:\(port)", namespace: shop, scaledObject: \(name), trigger: lag,
                bootstrap: \(past), caFile: \(certificates.authority), certFile: \(certificates.client), keyFile: \(certificates.clientKey)}
          """
        }.joined(separator: "\n"))
    }
    let sending = Task {
      while !Task.isCancelled {
        try keda.order("value shop orders lag 5")
        try await Task.sleep(for: .milliseconds(100))
      }
    }
    defer { sending.cancel() }
    try configure(("orders", keda.port), ("silent", keda.port), ("lost", freePort()))
    let outcome = try await check("-config", trace.file, "-o", "json", "--deadline=3s")
    #expect(outcome.exitCode == 1)
    let workloads = try #require(try json(outcome.output)["workloads"] as? [[String: Any]])
    #expect(workloads.map { $0["source"] as? String } == ["answers", "answers", "fails"], "\(outcome.output)")
    let remarks = workloads.map { $0["remarks"] as? [String] ?? [] }
    #expect(remarks[0].count == 1 && remarks[0][0].hasPrefix("bootstrap: "), "\(remarks)")
    #expect(remarks[1].first?.contains("subscribed, but no value within 3s") == true, "\(remarks)")
  }

  @Test("rejects a horizon shorter than the given or default lead time, with exit code 2")
  func horizon() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api, horizon: 30m}\n  - {name: web, horizon: 45m}", more: "scaler: {leadTime: 45m}")
    let outcome = try await check("-config", trace.file, "-o", "json")
    #expect(outcome.exitCode == 2)
    let problems = try #require(try json(outcome.output)["problems"] as? [[String: Any]])
    #expect(problems.count == 1)
    let words = "workload 'api': the forecast covers only 30m, but the lead time is 45m"
    #expect((problems.first?["message"] as? String)?.hasPrefix(words) == true, "\(outcome.output)")
    try trace.configure("  - {name: api, horizon: 4m}")
    let short = try await check("-config", trace.file, "--offline")
    #expect(short.exitCode == 2 && short.output.contains("the forecast covers only 4m, but the lead time is 5m"))
    let fits = try await check("-config", trace.file, "--offline", "-lead-time=4m")
    #expect(fits.exitCode == 0, "\(fits.output)")
  }

  @Test("checks that plans in Redis can be read, and exits with 1 and the reason otherwise")
  func redis() async throws {
    let trace = try PlayedTrace { _ in 300 }
    let redis = try await RedisServer(["--requirepass", "s3cret"])
    let away = freePort()
    func store(_ settings: String) async throws -> (exitCode: Int32, store: [String: Any], table: String) {
      try trace.configure("  - {name: api}", more: "storage: {type: redis, redis: {\(settings)}}")
      let outcome = try await check("-config", trace.file, "--deadline=5s", "-o", "json")
      let found = try #require(try json(outcome.output)["store"] as? [String: Any])
      return (outcome.exitCode, found, try await check("-config", trace.file, "--deadline=5s").output)
    }
    let right = try await store("addr: 127.0.0.1:\(redis.port), password: s3cret")
    #expect(right.exitCode == 0 && right.store["ok"] as? Bool == true)
    let refused = try await store("addr: 127.0.0.1:\(redis.port), password: wrong")
    #expect(refused.exitCode == 1)
    #expect((refused.store["problem"] as? String)?.contains("WRONGPASS") == true, "\(refused.store)")
    let gone = try await store("addr: 127.0.0.1:\(away)")
    #expect(gone.exitCode == 1 && gone.table.contains("kedastral check: "))
    #expect(gone.table.contains("127.0.0.1:\(away)"), "\(gone.table)")
    #expect(gone.table.contains(" ok "), "the sources are tried all the same")
  }

  /// Broken files as people write them: what stands in the file, and what the one line must hold.
  static let broken: [(file: String, parts: [String])] = [
    ("workload: []", ["1:1", "'workload'", "did you mean workloads?"]),
    (
      "workloads: [{name: a b, metric: m, source: {query: q}}]", ["1:20", "workloads[0].name", "'a b'", "use 1 to 253"]
    ),
    ("workloads: [{name: a, source: {query: q}}]", ["1:13", "'metric' is missing"]),
    ("workloads: [{name: a, metric: m}]", ["1:13", "'source.query' is missing"]),
    (
      "workloads: [{name: a, metric: m, source: {query: q}, step: 1}]",
      ["1:60", "step", "'1'", "is not a duration", "30s"]
    ),
    (
      "workloads: [{name: a, metric: m, source: {query: q}, step: 0s}]",
      ["1:60", "step", "shorter than a second", "1m"]
    ),
    ("workloads: [{name: a, metric: m, source: {query: q}, horizon: 1s}]", ["1:63", "shorter than the step 1m"]),
    (
      "workloads: [{name: a, metric: m, source: {query: q}, interval: 3m}]",
      ["stale-after", "forecast every 3m", "lengthen"]
    ),
    (
      "workloads: [{name: a, metric: m, source: {query: q}, model: profet}]",
      ["1:61", "model", "'profet'", "known: "]
    ),
    ("workloads: [{name: a, metric: m, source: {query: q}, model: byom}]", ["1:61", "give byomUrl"]),
    (
      "workloads: [{name: a, metric: m, source: {type: promtheus}}]",
      ["1:49", "'promtheus'", "did you mean prometheus?"]
    ),
    ("workloads: [{name: a, metric: m, source: {query: q, url: nowhere}}]", ["1:58", "url", "'nowhere'"]),
    (
      "workloads: [{name: a, metric: m, source: {query: q, path: f}}]",
      ["1:59", "has no key 'path'", "its keys are url, query"]
    ),
    (
      "workloads: [{name: a, metric: m, source: {type: http, url: 'http://h'}}]",
      ["1:13", "'source.valuePath' is missing"]
    ),
    (
      "workloads: [{name: a, metric: m, source: {query: q}, policy: {min: two}}]",
      ["1:68", "'two'", "is not a whole number"]
    ),
    (
      "workloads: [{name: a, metric: m, source: {query: q}, policy: {max: 0}}]",
      ["1:68", "less than 1", "write 1 or more"]
    ),
    (
      "workloads: [{name: a, metric: m, source: {query: q}, policy: {quantileLevel: p0.9x}}]",
      ["1:78", "quantileLevel", "'p0.9x'"]
    ),
    ("workloads: [{name: a, metric: m, source: {query: q}, policy: {headroom: 0}}]", ["1:73", "not positive", "1.2"]),
    ("workloads: [{name: a, metric: m, source: {query: q}, timeZone: Mars}]", ["1:64", "'Mars'", "Europe/Berlin"]),
    ("workloads: [{name: a, metric: m, source: {query: q}, dryRun: si}]", ["1:62", "'si'", "true or false"]),
    (
      "workloads: [{name: a, metric: m, source: {query: '${NO_SUCH_VARIABLE}'}}]",
      ["1:50", "NO_SUCH_VARIABLE is not set"]
    ),
    ("workloads:\n\t- name: a", ["2:1"]),
    ("listen: nowhere:99999\nworkloads: [{name: a, metric: m, source: {query: q}}]", ["1:9", "listen", "99999"]),
    (
      "scaler: {leadTime: -5m}\nworkloads: [{name: a, metric: m, source: {query: q}}]",
      ["1:20", "negative", "5m, or 0"]
    ),
    (
      "scaler: {address: ':50051'}\nworkloads: [{name: a, metric: m, source: {query: q}}]",
      ["1:19", "scaler.address", "no host that KEDA can reach"]
    ),
    (
      "storage: {type: rediss}\nworkloads: [{name: a, metric: m, source: {query: q}}]",
      ["1:17", "'rediss'", "did you mean redis?"]
    ),
  ]

  @Test("reports an invalid file in one line with file, line, key, problem and expected value; exit code 2")
  func brokenFiles() async throws {
    let folder = try TemporaryFolder()
    for (index, broken) in Self.broken.enumerated() {
      let file = try folder.write(broken.file, to: "k\(index).yaml")
      let outcome = try await check("-config", file, "--offline")
      #expect(outcome.exitCode == 2, "\(broken.file)")
      let lines = outcome.output.split(separator: "\n").filter { $0.hasPrefix("kedastral check: ") }
      #expect(
        lines.contains { line in broken.parts.allSatisfy(line.contains) }, "\(broken.file)\n\(outcome.output)")
      let problems = try json(try await check("-config", file, "--offline", "-o", "json").output)["problems"]
      #expect((problems as? [[String: Any]])?.isEmpty == false)
    }
  }
}
