import Foundation
import KedastralCore
import TestSupport
import Testing

/// Loads as people have them, through the programs: what is read, what is said, and what is refused.
@Suite("Input forms of sources")
struct SourceInputTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let start = 1_785_542_400
  private static let minutes = 1500

  private static func load(_ minute: Int) -> String {
    String(format: "%.2f", 100 - 60 * cos(2 * Double.pi * Double(minute % 720) / 720))
  }

  /// Rows of `time` and `load`, one per minute.
  private func write(
    _ name: String, header: String = "timestamp,value", separator: String = ",", extra: [String] = [],
    time: (Int) -> String = { "\(start + 60 * $0)" }, value: (String) -> String = { $0 }
  ) throws -> String {
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent(name).deletingLastPathComponent(), withIntermediateDirectories: true)
    let rows = (0..<Self.minutes).map { time($0) + separator + value(Self.load($0)) }
    return try folder.write(([header] + rows + extra).joined(separator: "\n") + "\n", to: name)
  }

  /// What `kedastral forecast` says of a file, and the snapshot that it makes.
  private func forecast(_ path: String, _ more: [String] = []) async throws -> (said: [String], snapshot: Snapshot?) {
    let run = try await Daemon.run(
      "kedastral",
      ["forecast", "--csv", path, "--model", "baseline", "--horizon", "1h", "--target-per-pod", "20", "-o", "json"]
        + more)
    let lines = run.output.split(separator: "\n").map(String.init)
    let document = lines.first { $0.hasPrefix("{") }
    #expect((run.exitCode == 0) == (document != nil), "\(run.output)")
    return (lines.filter { !$0.hasPrefix("{") }, try document.map { try Snapshot(json: Data($0.utf8)) })
  }

  @Test("timestamps that are off by one second only add a line with their number")
  func strayRows() async throws {
    let regular = try #require(try await forecast(try write("load.csv")).snapshot)
    #expect(regular.step == .seconds(60) && regular.values.count == 60)
    let files = [
      (
        try write(
          "stray/load.csv", extra: ["\(Self.start + 60 * (Self.minutes - 1) + 1),\(Self.load(Self.minutes - 1))"]),
        "rows that are not on the step of 1m: 1 of 1501"
      ),
      (
        try write("phase/load.csv") { "\(Self.start + 60 * $0 + ($0 < 800 ? 0 : 1))" },
        "rows that are not on the step of 1m: 700 of 1500"
      ),
      (
        try write("jitter/load.csv") { "\(Self.start + 60 * $0 + $0 * 7 % 4 / 3)" },
        "rows that are not on the step of 1m: 375 of 1500"
      ),
    ]
    for (path, remark) in files {
      for step in [[], ["--step=1m"]] {
        let outcome = try await forecast(path, step)
        #expect(outcome.snapshot == regular, "\(path)")
        #expect(outcome.said.contains { $0.hasPrefix("\(path): \(remark)") }, "\(outcome.said)")
      }
    }
  }

  @Test("files written by Grafana and spreadsheets give the same forecast as the plain file")
  func exports() async throws {
    let plain = try #require(try await forecast(try write("load.csv")).snapshot)
    func date(_ minute: Int) -> String {
      Timestamp.format(Date(timeIntervalSince1970: Double(Self.start + 60 * minute)))
    }
    func local(_ minute: Int) -> String { date(minute).replacing("T", with: " ").replacing("Z", with: "") }
    let withZone = [
      try write("bom/load.csv", header: "\u{FEFF}timestamp,value"),
      try write("quoted-header/load.csv", header: "\"timestamp\",\"value\""),
      try write("milliseconds/load.csv") { "\(Self.start + 60 * $0)000" },
      try write("series/load.csv", header: "Series;Time;Value", separator: ";", time: { "total;\(date($0))" }),
      try write(
        "commas/load.csv", header: "Time;Value", separator: ";", time: date, value: { $0.replacing(".", with: ",") }),
    ]
    for path in withZone {
      let outcome = try await forecast(path)
      #expect(outcome.snapshot == plain, "\(path)")
      #expect(outcome.said == [])
    }
    for quote in ["", "\""] {
      let path = try write(
        "local\(quote.count)/load.csv", header: "\"Time\",\"Value\"", time: { quote + local($0) + quote },
        value: { quote + $0 + quote })
      let outcome = try await forecast(path)
      #expect(outcome.snapshot == plain)
      #expect(outcome.said == ["\(path): times without a time zone are read as UTC"])
    }
  }

  @Test("rejects an ambiguous file with file, line and problem")
  func refused() async throws {
    let wide = try folder.write("\"Time\",\"api\",\"web\"\n600,1,2\n660,3,4\n", to: "wide.csv")
    let outcome = try await forecast(wide)
    #expect(outcome.said.first?.hasPrefix("kedastral forecast: \(wide):1: 3 columns, of which 'api' and 'web'") == true)
    let two = try folder.write("Series;Time;Value\na;600;1\nb;600;2\n", to: "two.csv")
    #expect(try await forecast(two).said.first?.contains("\(two):3: the column 'Series' has 'b' here") == true)
  }

  @Test("reads a file from a pipe and from standard input, but standard input only once")
  func standardInput() async throws {
    let path = try write("load.csv")
    let program = Repository.products.appendingPathComponent("kedastral").path
    let options = "--model baseline -o sparkline"
    var outputs: [String] = []
    for line in [
      "cat \(path) | \(program) forecast --csv - \(options)", "\(program) forecast --csv <(cat \(path)) \(options)",
    ] {
      let run = try ChildProcess("bash", "-c", line)
      #expect(try await run.waitForExit() == 0, "\(run.output)")
      outputs.append(run.output)
    }
    #expect(outputs[0] == outputs[1] && outputs[0].contains("│"))
    let twice = try await Daemon.run("kedastral", ["forecast", "--csv", "-", "-"])
    #expect(twice.exitCode == 2 && twice.output.contains("standard input can be read only once"))
    let empty = try await Daemon.run("kedastral", ["forecast", "--csv", "-"])
    #expect(empty.exitCode == 1 && empty.output.contains("standard input: expected at least two samples, found 0"))
  }

  @Test("reads a workload's csv source in its step, and check reports the corrections")
  func checkedFile() async throws {
    let path = try write("load.csv", extra: ["\(Self.start + 60 * Self.minutes + 1),100"])
    let file = try folder.write(
      """
      workloads:
        - {name: shop, metric: rps, step: 1m, window: 12h, model: baseline, source: {type: csv, path: \(path)}}
        - {name: fast, metric: rps, step: 1s, window: 10m, horizon: 5m, model: baseline,
           source: {type: csv, path: \(path), speed: 60}}
      """, to: "kedastral.yaml")
    let run = try await Daemon.run("kedastral", ["check", "-config", file])
    #expect(run.exitCode == 0, "\(run.output)")
    for name in ["shop", "fast"] {
      #expect(
        run.output.contains("kedastral check: \(name): \(path): rows that are not on the step of 1m: 1 of 1501"),
        "\(run.output)")
    }
    let json = try await Daemon.run("kedastral", ["check", "-config", file, "-o", "json"])
    let document = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    let workloads = try #require(document?["workloads"] as? [[String: Any]])
    #expect((workloads[0]["remarks"] as? [String])?.count == 1)
  }

  private func check(
    _ url: String, environment: [String: String] = [:], _ more: String...
  ) async throws -> (exitCode: Int32, output: String) {
    let settings = [
      "WORKLOAD": "api", "METRIC": "rps", "ADAPTER_URL": url, "ADAPTER_QUERY": "load", "MODEL": "baseline",
      "WINDOW": "1h",
    ]
    return try await Daemon.run("kedastral", ["check"] + more, environment: settings.merging(environment) { $1 })
  }

  @Test("check and forecast use GET where a gateway rejects POST", arguments: ["/post403", "/post405"])
  func refusedPOST(path: String) async throws {
    let gateway = try await QueryGateway()
    let checked = try await check(gateway.url + path)
    #expect(checked.exitCode == 0 && checked.output.contains(" ok "), "\(checked.output)")
    let run = try await Daemon.run(
      "kedastral",
      ["forecast", "--prometheus", gateway.url + path, "--query", "load", "--days", "0.1", "--model", "baseline"])
    #expect(run.exitCode == 0, "\(run.output)")
    #expect(gateway.requests.count { $0 == "POST \(path)/api/v1/query_range" } == 2, "\(gateway.requests)")
  }

  @Test("check sends the parameters of a source's URL, and shows only their names")
  func parameters() async throws {
    let gateway = try await QueryGateway()
    let right = try await check(gateway.url + "/tenant?tenant=blue")
    #expect(right.exitCode == 0, "\(right.output)")
    #expect(gateway.requests.contains("POST /tenant/api/v1/query_range?tenant=blue"))
    let wrong = try await check(gateway.url + "/tenant?tenant=red")
    #expect(
      wrong.exitCode == 1 && wrong.output.contains("\(gateway.url)/tenant?tenant=…: query load: HTTP 401: no tenant"))
  }

  @Test("check uses the environment's proxy, but not for this machine; a setting overrides it")
  func proxies() async throws {
    let gateway = try await QueryGateway()
    let far = "http://prometheus.invalid:9090"
    let proxied = try await check(far, environment: ["http_proxy": gateway.url])
    #expect(proxied.exitCode == 0, "\(proxied.output)")
    #expect(gateway.requests.last?.hasPrefix("POST \(far)/api/v1/query_range") == true, "\(gateway.requests)")
    let excepted = try await check(far, environment: ["http_proxy": gateway.url, "NO_PROXY": ".invalid"])
    #expect(excepted.exitCode == 1 && excepted.output.contains("Could not resolve host"), "\(excepted.output)")
    let own = try await check(gateway.url, environment: ["http_proxy": "http://127.0.0.1:1"])
    #expect(own.exitCode == 0, "\(own.output)")
    let chosen = try await check(
      far, environment: ["http_proxy": "http://127.0.0.1:1", "ADAPTER_PROXY": gateway.url])
    #expect(chosen.exitCode == 0, "\(chosen.output)")
    let none = try await check(far, environment: ["http_proxy": gateway.url], "-adapter-proxy=none")
    #expect(none.exitCode == 1 && none.output.contains("Could not resolve host"), "\(none.output)")
    let away = try await check(far, environment: ["ADAPTER_PROXY": "http://user:s3cret@127.0.0.1:1"])
    #expect(away.output.contains("Connection refused (through the proxy http://127.0.0.1:1)"), "\(away.output)")
    #expect(!away.output.contains("s3cret"))
    let unknown = try await check(far, environment: ["ADAPTER_PROXY": "proxy:3128"])
    #expect(
      unknown.exitCode == 2 && unknown.output.contains("is not the URL of a proxy; write one such as http://proxy:3128")
    )
  }
}
