import Foundation
import KedastralCore
import KedastralGRPC
import KedastralNet
import TestSupport
import Testing

@Suite("kedastral query")
struct QueryTests {
  /// A scaler with one fresh plan: nine pods, 100 each.
  private func serving(_ body: (UInt16) async throws -> Void) async throws {
    let server = ScalerServer(
      address: ListenAddress(host: "127.0.0.1", port: 0), metrics: MetricsRegistry(), logger: .silent)
    let port = try await server.start().port
    let snapshot = try Snapshot(
      workload: try WorkloadName("api"), metric: "rps", generatedAt: SystemWallClock().now, step: .seconds(60),
      horizon: .seconds(600), values: Array(repeating: 700, count: 10), desiredReplicas: Array(repeating: 9, count: 10),
      plannedLoad: Array(repeating: 850, count: 10), targetPerPod: 100)
    let (updates, feed) = AsyncStream.makeStream(of: StoreUpdate.self)
    feed.yield(.put(snapshot))
    feed.finish()
    await server.follow(updates)
    do { try await body(port) } catch {
      await server.shutdown(within: .zero)
      throw error
    }
    await server.shutdown(within: .zero)
  }

  private func query(_ arguments: String...) async throws -> (exitCode: Int32, output: String) {
    try await Daemon.run("kedastral", ["query"] + arguments)
  }

  @Test("prints value, target, activity and the replicas that an autoscaler would request")
  func text() async throws {
    try await serving { port async throws in
      let run = try await query("127.0.0.1:\(port)", "-workload", "api", "-mode=load", "--lead-time", "2m")
      #expect(run.exitCode == 0)
      #expect(
        run.output == """
          scaler    127.0.0.1:\(port)
          object    default/api
          active    yes
          metric    kedastral-api
          target    1000
          value     8500
          replicas  9

          """)
    }
  }

  @Test("writes the results of the requested calls as JSON")
  func json() async throws {
    try await serving { port async throws in
      let address = "localhost:\(port)"
      #expect(
        try await query(address, "-workload", "api", "-o", "json").output
          == #"{"active":true,"metrics":[{"name":"kedastral-api","target":1,"value":9,"replicas":9}]}"# + "\n")
      #expect(try await query(address, "isactive", "-workload=api", "-o=json").output == "{\"active\":true}\n")
      #expect(
        try await query(address, "GetMetricSpec", "-name=api", "-metadata", "metricName=m", "mode=load", "-o=json")
          .output
          == #"{"metrics":[{"name":"m","target":1000}]}"# + "\n")
    }
  }

  @Test("shows a stream's state at once, and each change with -watch")
  func streams() async throws {
    try await serving { port async throws in
      let address = "127.0.0.1:\(port)"
      #expect(try await query(address, "streamisactive", "-workload=api", "-o=json").output == "{\"active\":true}\n")
      #expect(
        try await query(address, "StreamMetricSpec", "-workload=api", "-o=json").output
          == #"{"metrics":[{"name":"kedastral-api","target":1}]}"# + "\n")
      let unknown = try await query(address, "streamisactive", "-workload", "nobody")
      #expect(unknown.exitCode == 1 && unknown.output.contains("StreamIsActive: NOT_FOUND"), "\(unknown.output)")
      let watching = try ChildProcess(
        "\(Repository.products.path)/kedastral", "query", address, "streamisactive", "-workload=api", "-watch")
      try await eventually("the state") { watching.output.hasSuffix(" active=yes\n") }
      watching.kill()
    }
    let silent = try ChildProcess(
      "python3", "-c",
      "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); c = s.accept(); s.accept()"
    )
    try await eventually("a port") { silent.output.hasSuffix("\n") }
    let port = silent.output.filter(\.isNumber)
    let hanging = try await query("127.0.0.1:\(port)", "streamisactive", "-workload=api", "-timeout=200ms")
    #expect(hanging.exitCode == 1, "\(hanging.output)")
    silent.kill()
  }

  @Test("exits with 1 and one line with address, method and status when a call fails")
  func failures() async throws {
    try await serving { port async throws in
      let unknown = try await query("127.0.0.1:\(port)", "-workload", "nobody")
      #expect(unknown.exitCode == 1)
      #expect(
        unknown.output
          == "kedastral query: 127.0.0.1:\(port): GetMetrics: NOT_FOUND: no forecast for workload 'nobody'\n")
    }
    let port = freePort()
    let refused = try await query("127.0.0.1:\(port)", "isactive", "-workload", "api")
    #expect(refused.exitCode == 1)
    #expect(refused.output.contains("127.0.0.1:\(port): IsActive: UNAVAILABLE: cannot connect: Connection refused"))
  }

  @Test("reports a forecast that is shorter than the lead time, in text, lines and JSON")
  func shortForecast() async throws {
    try await serving { port async throws in
      let address = "127.0.0.1:\(port)"
      let long = ["-workload=api", "-lead-time=45m"]
      let text = try await Daemon.run("kedastral", ["query", address] + long).output
      #expect(text.hasSuffix("forecast  only 10m are forecast, less than the lead time of 45m\n"), "\(text)")
      let json = try await Daemon.run("kedastral", ["query", address, "getmetrics", "-o=json"] + long).output
      #expect(json.contains(#""replicas":9,"forecastSeconds":600}"#), "\(json)")
      let watch = try ChildProcess(
        "sh", "-c",
        "\(Repository.products.path)/kedastral query \(address) -watch -interval 20ms \(long.joined(separator: " ")) | head -n 1"
      )
      #expect(
        try await watch.waitForExit() == 0 && watch.output.hasSuffix(" replicas=9 forecast=10m\n"), "\(watch.output)")
      // Up to 10 min ahead there is a forecast.
      let enough = try await Daemon.run("kedastral", ["query", address, "-workload=api", "-lead-time=10m"]).output
      #expect(!enough.contains("forecast  "), "\(enough)")
      let whole = try await Daemon.run("kedastral", ["query", address, "-workload=api", "-lead-time=5m", "-o=json"])
      #expect(!whole.output.contains("forecastSeconds"))
    }
  }

  @Test("a running daemon reports a 30-minute forecast for a 45-minute lead time, also to the official client")
  func shortForecastOfDaemon() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api, horizon: 30m}")
    let (http, grpc) = (freePort(), freePort())
    let daemon = try Daemon(
      "kedastral",
      ["run", "-config", trace.file, "-listen=127.0.0.1:\(http)", "-scaler-listen=127.0.0.1:\(grpc)"])
    try await eventually("a plan") { await PlayedTrace.snapshot("api", http) != nil }
    try await eventually("an answer") { try await KEDAClient.ask(grpc, ["workload": "api"]).value == 30 }
    let long = try await KEDAClient.ask(grpc, ["workload": "api", "leadTime": "45m"])
    #expect(long.value == 30 && long.trailers == ["kedastral-forecast-seconds": "1800"])
    #expect(try await KEDAClient.ask(grpc, ["workload": "api", "leadTime": "30m"]).trailers == [:])
    let run = try await query("127.0.0.1:\(grpc)", "-workload=api", "-lead-time=45m")
    #expect(run.output.contains("only 30m are forecast, less than the lead time of 45m"), "\(run.output)")
    daemon.process.signal(SIGTERM)
    #expect(try await daemon.process.waitForExit() == 0)
  }

  @Test("warns about unknown metadata keys, and makes the calls all the same")
  func unknownKeys() async throws {
    try await serving { port async throws in
      let address = "127.0.0.1:\(port)"
      let run = try await query(address, "-workload=api", "-metadata", "leadtime=45m", "Select=max", "unsafeSsl=true")
      #expect(run.exitCode == 0 && run.output.contains("replicas  9"))
      let warnings = run.output.split(separator: "\n").filter { $0.hasPrefix("kedastral query: ") }
      #expect(
        warnings.sorted() == [
          "kedastral query: unknown metadata key 'Select'; did you mean 'select'?",
          "kedastral query: unknown metadata key 'leadtime'; did you mean 'leadTime'?",
        ])
    }
  }

  @Test("-watch continues after failures, and ends when its output is closed")
  func watch() async throws {
    try await serving { port async throws in
      let script = "\(Repository.products.path)/kedastral query 127.0.0.1:\(port) -watch -interval 20ms -workload"
      let good = try ChildProcess("sh", "-c", "\(script) api | head -n 3")
      #expect(try await good.waitForExit() == 0)
      let lines = good.output.split(separator: "\n")
      #expect(lines.count == 3)
      #expect(lines.allSatisfy { $0.hasSuffix(" active=yes kedastral-api value=9 target=1 replicas=9") })
      let bad = try ChildProcess("sh", "-c", "\(script) unknown -o json | head -n 2")
      #expect(try await bad.waitForExit() == 0)
      #expect(bad.output.split(separator: "\n").count == 2 && bad.output.contains(#""code":"NOT_FOUND""#))
    }
  }

  @Test(
    "exits with 2 and states what is expected when the command line is invalid",
    arguments: [
      ([], "no address"), (["localhost", "-workload=a"], "write host:port"), (["localhost:1"], "--workload NAME"),
      (["localhost:1", "isactiv", "-workload=a"], "did you mean isactive"),
      (["localhost:1", "-workloda=a"], "did you mean --workload"),
      (["localhost:1", "-workload=a", "-lead-time=5"], "is not a duration"),
      (["localhost:1", "-workload=a", "-metadata", "select"], "'select' is not KEY=VALUE"),
      (["localhost:1", "-workload=a", "-interval=5s"], "-interval belongs to --watch"),
      (["localhost:1", "-workload=a", "-timeout=0"], "above 0"),
      (["localhost:1", "-workload=a", "-tls-key-file=k"], "need each other"),
    ] as [([String], String)])
  func usage(arguments: [String], expected: String) async throws {
    let run = try await Daemon.run("kedastral", ["query"] + arguments)
    #expect(run.exitCode == 2)
    #expect(run.output.contains(expected) && run.output.contains("see kedastral query --help"), "\(run.output)")
  }

  @Test("--help has examples and exit codes, and kedastral's own help lists the command")
  func help() async throws {
    let help = try await query("--help")
    #expect(help.exitCode == 0 && help.output.contains("Examples:") && help.output.contains("Exit codes:"))
    #expect(try await Daemon.run("kedastral", ["--help"]).output.contains("\n  query "))
  }
}
