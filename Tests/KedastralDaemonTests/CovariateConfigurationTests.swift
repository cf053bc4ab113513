import Foundation
import KedastralCore
import KedastralModels
import KedastralNet
import KedastralSources
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralDaemon

@Suite("Covariates of workloads")
struct CovariateConfigurationTests {
  private func workload(_ covariates: String, model: String = "auto", defaults: String = "") throws
    -> WorkloadConfiguration
  {
    let file = """
      defaults: {\(defaults)}
      workloads:
        - name: shop
          metric: rps
          model: \(model)
          source: {url: 'http://prometheus:9090', query: sum(rps), bearerToken: hush}
          \(covariates)
      """
    return try #require(try forecaster(file: file).workloads.first)
  }

  private func prometheus(_ covariate: CovariateConfiguration) -> PrometheusSourceConfiguration? {
    if case .source(.prometheus(let settings)) = covariate.values { settings } else { nil }
  }

  @Test(
    "a query goes to the workload's server with its credentials; a source inherits them, unless it has a URL of its own"
  )
  func sources() throws {
    let covariates = try workload(
      """
      covariates:
            - {name: frontend, query: sum(frontend)}
            - {name: queue, source: {query: sum(queue), timeout: 3s}}
            - {name: other, source: {url: 'http://other:9090', query: up}}
      """
    ).covariates
    #expect(covariates.map(\.name) == ["frontend", "queue", "other"])
    let sources = covariates.compactMap(prometheus)
    #expect(sources.map(\.query) == ["sum(frontend)", "sum(queue)", "up"])
    #expect(
      sources.map(\.endpoint.url) == ["http://prometheus:9090", "http://prometheus:9090", "http://other:9090"])
    #expect(sources.map(\.endpoint.credentials) == [.bearer("hush"), .bearer("hush"), .none])
    #expect(sources[1].endpoint.deadline == .seconds(3))
  }

  @Test("a schedule is read with the configuration; a changed one is another configuration")
  func schedule() throws {
    let path = NSTemporaryDirectory() + "kedastral-schedule-\(UUID().uuidString).csv"
    defer { try? FileManager.default.removeItem(atPath: path) }
    func read(_ text: String) throws -> WorkloadConfiguration {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return try workload("covariates: [{name: sales, schedule: '\(path)'}]")
    }
    let first = try read("2026-12-24 18:00,1\n")
    #expect(try read("2026-12-24 18:00,1\n") == first)
    #expect(try read("2026-12-24 18:00,2\n") != first)
    #expect(
      problems { _ = try read("2026-12-24 18:00,1\nlater,2\n") } == [
        "k.yaml:7:42: workloads[0].covariates[0].schedule: \(path), line 2: expected a time such as 2026-11-27 18:00 or 2026-11-27T17:00:00Z, found 'later,2'"
      ])
  }

  @Test(
    "what a covariate cannot be is reported",
    arguments: [
      ("covariates: [{query: up}]", "a covariate needs a name"),
      ("covariates: [{name: a}]", "needs one of 'query'"),
      ("covariates: [{name: a, query: up, schedule: a.csv}]", "needs one of 'query'"),
      ("covariates: [{name: a, query: up}, {name: a, query: down}]", "two covariates are called 'a'"),
      ("covariates: [{name: a, source: {type: scrape, url: 'http://a', metric: a}}]", "scrape has none"),
      ("covariates: [{name: a, schedule: /nowhere/a.csv}]", "cannot read '/nowhere/a.csv'"),
      (
        "covariates: [{name: a, query: x}, {name: b, query: x}, {name: c, query: x}, {name: d, query: x}, {name: e, query: x}, {name: f, query: x}]",
        "at most 5 covariates"
      ),
    ])
  func invalid(text: String, words: String) {
    let found = problems { _ = try workload(text) }
    #expect(found.count == 1 && found[0].contains(words), "\(found)")
  }

  @Test("a model that has no covariates refuses its own ones, and ignores those of the defaults")
  func models() throws {
    #expect(
      problems { _ = try workload("covariates: [{name: a, query: up}]", model: "ets") } == [
        "k.yaml:7:18: workloads[0].covariates[0]: only the model auto uses covariates, and the workload has ets; remove one of them"
      ])
    let common = "covariates: [{name: a, query: up}]"
    #expect(try workload("", defaults: common).covariates.map(\.name) == ["a"])
    #expect(try workload("", model: "ets", defaults: common).covariates.isEmpty)
    #expect(try workload("covariates: []", defaults: common).covariates.isEmpty)
  }

  /// A day and a half of minutes of a load that follows another by ten minutes.
  private static func samples(from start: Int, count: Int) -> String {
    var generator = SyntheticLoad.Generator(seed: 5)
    var (wander, path) = (0.0, [Double]())
    for _ in 0..<count + 10 {
      wander = 0.97 * wander + 0.25 * generator.noise()
      path.append(wander)
    }
    var lines = ["# TYPE rps gauge"]
    for (app, lag) in [("checkout", 0), ("frontend", 10)] {
      for minute in 0..<count {
        lines.append("rps{app=\"\(app)\"} \(500 + 80 * path[minute + lag] + generator.noise()) \(start + minute * 60)")
      }
    }
    return (lines + ["# EOF", ""]).joined(separator: "\n")
  }

  @Test("reads a covariate of a real Prometheus, uses it with its lag, and continues without one whose query is wrong")
  func realServer() async throws {
    let (start, count) = (1_790_000_040 / 60 * 60, 26 * 60)
    let prometheus = try await PrometheusServer(openMetrics: Self.samples(from: start, count: count))
    defer { prometheus.stop() }
    let file = """
      workloads:
        - name: checkout
          metric: rps
          window: 1d
          model: auto
          source: {url: '\(prometheus.url)', query: 'sum(rps{app="checkout"})'}
          covariates:
            - {name: frontend, query: 'sum(rps{app="frontend"})'}
            - {name: broken, query: 'sum(rps'}
          policy: {targetPerPod: 100}
      """
    let clock = ManualClock(at: Date(timeIntervalSince1970: Double(start + (count - 1) * 60)))
    let factory = WorkloadFactory(
      sources: SourceFactory(client: try HTTPClient(on: try EventLoop()), clock: SystemWallClock(), logger: .silent))
    let workload = try factory.make(try #require(try forecaster(file: file).workloads.first)).served.workload
    let loop = ForecastLoop(workload, store: RecordingStore(), clock: clock)
    try await loop.tick()
    let explanation = PlanExplanation(try #require(await loop.record), leadTime: .seconds(300), at: clock.now)
    let uses = try #require(explanation.covariates)
    #expect(uses.map(\.name) == ["frontend", "broken"] && uses.map(\.isUsed) == [true, false])
    #expect(uses[0].lagSeconds == 600)
    #expect(uses[1].problem?.contains("parse error") == true, "\(uses)")
    #expect(explanation.text.contains("frontend: the load follows it by 10 minutes, error "))
    let json = try JSONSerialization.jsonObject(with: explanation.json()) as? [String: Any]
    let listed = try #require(json?["covariates"] as? [[String: Any]])
    #expect(listed[0]["lagSeconds"] as? Double == 600 && listed[1]["isUsed"] as? Bool == false)
  }
}
