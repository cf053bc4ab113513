import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralHTTP

/// The page in a real Chromium. Set KEDASTRAL_SCREENSHOTS to a folder to keep its pictures.
@Suite("Live page", .serialized)
struct PageTests {
  private let pictures: String
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    pictures = ProcessInfo.processInfo.environment["KEDASTRAL_SCREENSHOTS"] ?? folder.url.path
  }

  private func visit(_ server: TestServer, scene: String) throws -> ChildProcess {
    let script = Repository.root.appendingPathComponent("Tests/Python/page_check.py").path
    return try ChildProcess(Repository.python, script, server.url, pictures, scene)
  }

  private func seen(_ what: String, in visitor: ChildProcess) async throws {
    try await eventually("the page to show \(what)", within: .seconds(60)) {
      if !visitor.isRunning, !visitor.output.contains("seen: \(what)") { throw PageProblem(output: visitor.output) }
      return visitor.output.contains("seen: \(what)")
    }
  }

  /// Publishes a change of the settings, a failed time and a capped one.
  private func publishEvents(of name: String, on server: TestServer) throws {
    let workload = try WorkloadName(name)
    server.health.configure([workload])
    server.health.reloaded([workload], at: TestServer.noon - .seconds(4500))
    func round(minutesAgo: Double, isCapped: Bool = false, problem: String? = nil) throws {
      let now = TestServer.noon - .seconds(minutesAgo * 60)
      var snapshot = try plan(name, at: now)
      snapshot.requiredReplicas = snapshot.desiredReplicas.map { isCapped ? $0 + 5 : $0 }
      let failure = problem.map { ForecastFailure(workload: workload, stage: .collect, problem: $0) }
      server.health.roundEnded(
        ForecastRound(
          workload: workload, endedAt: now, snapshot: problem == nil ? snapshot : nil, failure: failure))
    }
    try round(minutesAgo: 50, problem: "Connection refused")
    try round(minutesAgo: 44)
    try round(minutesAgo: 20, isCapped: true)
    try round(minutesAgo: 12)
  }

  /// Publishes what the plan of a workload was worth.
  private func publishWorth(of name: String, on server: TestServer) throws {
    let json = Self.scorecard.replacing("NAME", with: name)
    server.scorecards.publish(try ScorecardReport(json: Array(json.utf8)), of: try WorkloadName(name))
  }

  private static let scorecard = #"""
    {"workload":"NAME","isDryRun":true,"leadTimeSeconds":300,"startupSeconds":180,"utilization":0.7,"price":0.04,
    "since":"2026-01-28","daysWorse":0,"windows":[{"days":7,"measuredMinutes":5000,
    "hpa":{"violationMinutes":51,"podHours":400,"cost":16},"plan":{"violationMinutes":10,"podHours":364,"cost":14.56},
    "cappedMinutes":12,"bridgedMinutes":3,"comparedForecasts":4990,"forecastError":0.06,"p90Coverage":0.91,
    "verdict":"would have avoided 41 violation minutes and saved 9 % of pod-hours"}]}
    """#

  private struct PageProblem: Error, CustomStringConvertible {
    let output: String
    var description: String { output }
  }

  /// Load with a spike at 20 minutes past each hour, or a working day's slow wave.
  private func load(_ workload: String, at instant: Date) -> Double {
    let minutes = instant.timeIntervalSince(TestServer.noon) / 60
    let ripple = 1 + 0.03 * sin(minutes * 1.7) + 0.025 * sin(minutes * 0.61 + 1)
    if workload == "api-app" {
      let phase = (minutes - 20).remainder(dividingBy: 60)
      return (120 + 460 * exp(-pow(phase / 7, 2))) * ripple
    }
    return (260 + 190 * sin((minutes + 40) / 150 * .pi)) * ripple
  }

  private func plan(_ workload: String, at instant: Date, model: String = "seasonal baseline") throws -> Snapshot {
    let values = (1...60).map { load(workload, at: instant.addingTimeInterval(Double($0) * 60)) }
    let spread = { (scale: Double) in values.enumerated().map { $1 * (1 + scale * (0.06 + 0.002 * Double($0))) } }
    return try Snapshot(
      workload: try WorkloadName(workload), metric: "http_requests_per_second", generatedAt: instant,
      step: .seconds(60), horizon: .seconds(3600), values: values,
      desiredReplicas: values.map { max(2, Int(($0 * 1.1 / 40).rounded(.up))) },
      quantiles: Quantiles([
        .init(level: 0.1, values: spread(-1.3)), .init(level: 0.5, values: values),
        .init(level: 0.9, values: spread(1.3)),
      ]), plannedLoad: values.map { $0 * 1.1 }, model: model, currentValue: load(workload, at: instant),
      targetPerPod: 40, accuracy: .init(mase: 0.42))
  }

  @Test("shows two workloads large, live, in words, by keyboard, light and dark, and on a phone")
  func twoApps() async throws {
    let server = try await TestServer()
    server.clock.advance(by: .seconds(-5400))
    for _ in 0..<90 {
      server.clock.advance(by: .seconds(60))
      try await server.apply(.put(plan("api-app", at: server.clock.now)), .put(plan("shop-web", at: server.clock.now)))
    }
    for name in ["api-app", "shop-web"] {
      server.measure(name, (0..<120).map { load(name, at: TestServer.noon.addingTimeInterval(Double($0 - 119) * 60)) })
    }
    let page = try visit(server, scene: "two-apps")
    try await seen("no cursor", in: page)
    server.clock.advance(by: .seconds(1020))
    try await server.apply(
      .put(plan("api-app", at: server.clock.now, model: "renewed")), .put(plan("shop-web", at: server.clock.now)))
    try await seen("its pods", in: page)
    server.clock.advance(by: .seconds(61))
    try await seen("a stale plan", in: page)
    try await server.apply(.removed(WorkloadName("api-app")))
    try await seen("a clean console", in: page)
    await server.shutdown()
    #expect(try await page.waitForExit() == 0, "\(page.output)")
  }

  @Test("shows capped, bridged, stale, failing, starting and dry-run workloads in the list and on their pages")
  func states() async throws {
    let server = try await TestServer()
    server.health.configure(
      try ["broken", "capped", "dark", "fine", "later", "new", "old", "shaky", "trial"].map { try WorkloadName($0) })
    func flat(_ name: String, at instant: Date = TestServer.noon, change: (inout Snapshot) -> Void = { _ in }) throws {
      var snapshot = try plan("api-app", at: instant)
      snapshot = try Snapshot(
        workload: try WorkloadName(name), metric: snapshot.metric, generatedAt: instant, step: snapshot.step,
        horizon: snapshot.horizon, values: snapshot.values, desiredReplicas: snapshot.desiredReplicas,
        quantiles: snapshot.quantiles, model: "auto", currentValue: 120, targetPerPod: 40,
        accuracy: .init(mase: 0.42, relativeError: 0.06))
      snapshot.requiredReplicas = snapshot.desiredReplicas
      (snapshot.minReplicas, snapshot.maxReplicas) = (2, 100)
      change(&snapshot)
      server.running?.apply(.put(snapshot))
    }
    let count = 60
    try flat("capped") {
      ($0.desiredReplicas, $0.requiredReplicas) = (
        Array(repeating: 10, count: count), Array(repeating: 23, count: count)
      )
      $0.maxReplicas = 10
    }
    try flat("later") {
      $0.desiredReplicas = (0..<count).map { $0 < 30 ? 4 : 10 }
      $0.requiredReplicas = (0..<count).map { $0 < 30 ? 4 : 23 }
      $0.maxReplicas = 10
    }
    try flat("dark") {
      $0.currentValue = nil
      $0.newestSampleAt = TestServer.noon - .seconds(1800)
      $0.bridgedUntil = TestServer.noon + .seconds(900)
      $0.problem = "timed out after 10 s"
    }
    try flat("fine")
    try flat("old", at: TestServer.noon - .seconds(600))
    try flat("shaky")
    try flat("trial") { $0.isDryRun = true }
    try server.fail("broken", "Connection refused", times: 3)
    try server.fail("shaky", "Connection refused")
    server.measure("dark", (0..<120).map { $0 < 90 ? 120 : .nan })
    let page = try visit(server, scene: "states")
    #expect(try await page.waitForExit() == 0, "\(page.output)")
    await server.shutdown()
  }

  @Test("lists, searches and compares ten thousand workloads without lag")
  func many() async throws {
    var labels: [String: [String: String]] = [:]
    for index in 0..<150 {
      let number = String(10_000 + index).dropFirst()
      labels["svc-\(number)"] = ["team": index < 100 ? "shop" : "blog"]
    }
    let server = try await TestServer(labels: labels)
    let plans = try (0..<60).map { try plan("api-app", at: server.clock.now.addingTimeInterval(Double($0) * 60)) }
    for index in 0..<10_000 {
      let plan = plans[index % plans.count]
      let name = try WorkloadName("svc-" + String(String(10_000 + index).dropFirst()))
      let snapshot = try Snapshot(
        workload: name, metric: plan.metric, generatedAt: server.clock.now, step: plan.step, horizon: plan.horizon,
        values: plan.values, desiredReplicas: plan.desiredReplicas, quantiles: plan.quantiles,
        plannedLoad: plan.plannedLoad, model: plan.model, currentValue: plan.currentValue, targetPerPod: 40)
      server.running?.apply(.put(snapshot))
    }
    try await server.loop.run {}
    try publishWorth(of: "svc-0042", on: server)
    let page = try visit(server, scene: "many")
    #expect(try await page.waitForExit() == 0, "\(page.output)")
    await server.shutdown()
  }

  @Test("a workload's page has the configuration to copy")
  func workload() async throws {
    let server = try await TestServer()
    try await server.apply(.put(plan("api-app", at: server.clock.now)))
    let page = try visit(server, scene: "configuration")
    #expect(try await page.waitForExit() == 0, "\(page.output)")
    await server.shutdown()
  }

  @Test("a workload's page explains the plan, and tries other settings by sliders, by keyboard and on a phone")
  func whatIf() async throws {
    let server = try await TestServer(keepsRecords: true)
    for (name, cost) in [("api-app", nil), ("shop-web", ShortageCost(podMinutes: 42))] {
      try await server.forecast(
        Workload(
          name: WorkloadName(name), metric: "http_requests_per_second", source: ScriptedSource { load(name, at: $0) },
          model: SeasonalBaseline(),
          policy: try StandardCapacityPolicy(targetPerPod: 50, headroom: 1.2, shortageCost: cost, maxReplicas: 100),
          horizon: .seconds(3600), window: .seconds(12 * 3600)))
    }
    try publishWorth(of: "api-app", on: server)
    let page = try visit(server, scene: "workload")
    #expect(try await page.waitForExit() == 0, "\(page.output)")
    await server.shutdown()
  }

  @Test("a workload's chart shows other time ranges, earlier forecasts, and loads above the requested pods")
  func ranges() async throws {
    let server = try await TestServer()
    server.clock.advance(by: .seconds(-5400))
    for _ in 0..<90 {
      server.clock.advance(by: .seconds(60))
      var plan = try plan("api-app", at: server.clock.now)
      plan.leadTime = WorkloadLeadTime(
        .seconds(89), startup: PodStartup(seconds: 74, pods: 212, measuredAt: server.clock.now))
      try await server.apply(.put(plan))
    }
    // Half an hour ago the load was three times the forecast.
    server.measure(
      "api-app",
      (0..<3000).map { index in
        let minute = Double(index - 2999)
        let load = load("api-app", at: TestServer.noon.addingTimeInterval(minute * 60))
        return (-35 ..< -25).contains(minute) ? load * 3 : load
      })
    var pods = RealPods()
    pods.add(
      TimeSeries(
        start: TestServer.noon - .seconds(5400), step: .seconds(60),
        values: [Double](repeating: 6, count: 40) + [Double](repeating: 14, count: 20)
          + [Double](repeating: 8, count: 31)))
    server.realPods.withLock { $0["api-app"] = pods }
    try publishEvents(of: "api-app", on: server)
    let page = try visit(server, scene: "ranges")
    #expect(try await page.waitForExit() == 0, "\(page.output)")
    await server.shutdown()
  }

  @Test("a host with a token receives it from the page")
  func token() async throws {
    let server = try await TestServer(token: "s3cret")
    try await server.apply(.put(plan("api-app", at: server.clock.now)))
    let page = try visit(server, scene: "token")
    #expect(try await page.waitForExit() == 0, "\(page.output)")
    await server.shutdown()
  }

  @Test("the page is small, and loads nothing from other hosts")
  func strictPolicy() async throws {
    let server = try await TestServer()
    let scripts = ["page", "list", "card", "workload", "feed", "plan", "chart", "range", "past"].map {
      ("/\($0).js", "text/javascript")
    }
    var bytes = 0
    for (path, type) in [("/", "text/html"), ("/page.css", "text/css"), ("/icon.svg", "image/svg+xml")] + scripts {
      let answer = try await curl(server.url + path)
      #expect(answer.headers["content-type"]?.hasPrefix(type) == true)
      #expect(answer.headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self';") == true)
      #expect(answer.headers["x-content-type-options"] == "nosniff")
      #expect(!answer.body.replacing("http://www.w3.org/2000/svg", with: "").contains("http"))
      bytes += answer.body.utf8.count
    }
    // With the list's first rows, about 30 kB, it stays below 200 kB.
    #expect(bytes < 120_000)
    await server.shutdown()
  }
}
