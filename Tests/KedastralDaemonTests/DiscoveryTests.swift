import Foundation
import KedastralCore
import KedastralSources
import KedastralTesting
import Synchronization
import TestSupport
import Testing

@testable import KedastralDaemon

@Suite("Discovered workloads")
struct DiscoveryTests {
  private static let file = """
    defaults: {metric: rps, source: {url: "http://prometheus:9090"}, model: baseline, policy: {targetPerPod: 50}}
    discovery:
      - source: {query: sum by (app) (load), label: app}
        keep: 10m
        limit: 3
        include: [shop-*, batch-?]
        exclude: [shop-canary]
        defaults:
          - {match: [batch-*, job-*], metric: jobs, model: ets, policy: {targetPerPod: 5}, dryRun: true}
          - {match: "*-api", policy: {max: 7}, leadTime: auto}
    """

  private func settings(_ file: String = Self.file) throws -> DiscoveryConfiguration {
    try #require(try forecaster(file: file).discovery.first)
  }

  @Test("a star stands for any number of characters, a question mark for one")
  func patterns() {
    for (pattern, names, others) in [
      ("*", ["", "shop"], []), ("shop", ["shop"], ["shop-a", "a-shop", ""]), ("shop-*", ["shop-", "shop-a"], ["shop"]),
      ("*-api-*", ["a-api-b", "-api--api-"], ["a-api"]), ("b?t*h", ["batch", "bath", "botxhh"], ["bth", "batc"]),
      ("a*b*c", ["abc", "aXbXc", "abbcc"], ["ab", "acb"]),
    ] {
      for name in names { #expect(NamePattern(pattern).matches(name), "\(pattern) \(name)") }
      for name in others { #expect(!NamePattern(pattern).matches(name), "\(pattern) \(name)") }
    }
  }

  @Test("the first entry whose pattern matches a name applies, over the defaults of all workloads")
  func rules() throws {
    let settings = try settings()
    #expect(settings.label == "app" && settings.keep == .seconds(600) && settings.limit == 3)
    #expect(settings.interval == .seconds(60) && settings.source.endpoint.displayName.contains("prometheus:9090"))
    let batch = try #require(settings.workload(for: "batch-api"))
    #expect(batch.name.text == "batch-api" && batch.metric == "jobs" && batch.model.name == "ets" && batch.isDryRun)
    #expect(batch.policy.targetPerPod == 5)
    let api = try #require(settings.workload(for: "shop-api"))
    #expect(api.metric == "rps" && api.policy.targetPerPod == 50 && api.policy.maxReplicas == 7)
    guard case .query(let query) = api.leadTime else { throw NotRunning() }
    #expect(query.text == PodStartupQuery.text(of: api.name))
    let other = try #require(settings.workload(for: "shop-web"))
    #expect(other.policy.maxReplicas != 7 && other.leadTime == nil)
    guard case .prometheus(let source) = other.source else { throw NotRunning() }
    #expect(source.series == LabelledSeries(label: "app", value: "shop-web"))
    #expect(settings.workload(for: "shop/web") == nil)
  }

  @Test("errors name the key of the discovery")
  func errors() {
    for (section, expected) in [
      ("{}", ["k.yaml:2:5: discovery[0]: the key 'source' is missing"]),
      ("{source: {query: up}}", ["k.yaml:2:14: discovery[0].source: the key 'label' is missing"]),
      (
        "{source: {type: csv, path: x}}",
        ["k.yaml:2:21: discovery[0].source.type: workloads are discovered by a source of type prometheus"]
      ),
      (
        "{source: {query: up, label: a, labelValue: b}, interval: 0s, keep: -1s, limit: 0}",
        [
          "discovery[0].source.labelValue: every value", "discovery[0].interval: the interval is shorter",
          "discovery[0].keep: the time", "discovery[0].limit: the limit",
        ]
      ),
      (
        "{source: {query: up, label: a}, defaults: [{policy: {max: 0}}, {match: x, name: y, source: {query: z}}]}",
        [
          "discovery[0].defaults[0]: the key 'match'", "discovery[0].defaults[0].policy.max: the maximum 0",
          "discovery[0].defaults[1].name: the name of these", "discovery[0].defaults[1].source: the source of these",
        ]
      ),
      ("{source: {query: up, label: a}, kep: 1h}", ["discovery[0]: unknown key 'kep'; did you mean keep?"]),
    ] {
      let found = problems { _ = try forecaster(file: "discovery:\n  - \(section)\n") }
      #expect(found.count == expected.count, "\(found)")
      for text in expected { #expect(found.contains { $0.contains(text) }, "\(text) in \(found)") }
    }
  }

  @Test("a value that responses lack stays for a while; failed, empty and partial responses end nothing")
  func vanished() throws {
    let settings = try settings()
    let begin = Date(timeIntervalSince1970: 1_770_000_000)
    var values = DiscoveredValues()
    func take(_ names: [String], _ seconds: Int, isPartial: Bool = false) -> DiscoveredValues.Outcome {
      values.take(LabelValues(values: names, isPartial: isPartial), settings, at: begin + .seconds(seconds))
    }
    #expect(take(["shop-a", "shop-b", "other", "shop-canary"], 0) == .success)
    #expect(values.workloads == ["shop-a", "shop-b"])
    #expect(take(["shop-b"], 60) == .success)
    #expect(values.workloads == ["shop-a", "shop-b"] && values.vanishedCount == 1)
    #expect(take([], 5000) == .empty)
    #expect(values.workloads == ["shop-a", "shop-b"])
    #expect(take(["shop-b"], 659) == .success)
    #expect(values.workloads == ["shop-a", "shop-b"])
    #expect(take(["shop-c"], 660, isPartial: true) == .success)
    #expect(values.workloads == ["shop-a", "shop-b", "shop-c"])
    #expect(take(["shop-b", "shop-c"], 661) == .success)
    #expect(values.workloads == ["shop-b", "shop-c"] && values.vanishedCount == 0)
  }

  @Test("the first values by name are kept up to the limit, those that still have a series before others")
  func limit() throws {
    let settings = try settings()
    let now = Date(timeIntervalSince1970: 1_770_000_000)
    var values = DiscoveredValues()
    _ = values.take(LabelValues(values: ["shop-d", "shop-a", "shop-c", "shop-b"]), settings, at: now)
    #expect(values.workloads == ["shop-a", "shop-b", "shop-c"] && values.overLimit == ["shop-d"])
    _ = values.take(LabelValues(values: ["shop-c", "shop-d", "shop-e"]), settings, at: now + .seconds(60))
    #expect(values.workloads == ["shop-c", "shop-d", "shop-e"] && values.overLimit == ["shop-a", "shop-b"])
    _ = values.take(LabelValues(values: ["shop-é", "shop-/", "shop-a"]), settings, at: now + .seconds(120))
    #expect(values.refused.contains("shop-é") && values.refused.contains("shop-/"))
    #expect(values.workloads.contains("shop-a"))
  }

  /// A server of label values, and the roster that takes the workloads.
  private final class Server: Sendable {
    struct State {
      var answer: Result<[String], any Error> = .success([])
      var reads = 0
      var rosters: [[String]] = []
      var readiness: String?
    }
    let state = Mutex(State())
    var rosters: [[String]] { state.withLock { $0.rosters } }
    var readiness: String? { state.withLock { $0.readiness } }

    func answer(_ answer: Result<[String], any Error>) { state.withLock { $0.answer = answer } }
  }

  private func discovery(
    _ server: Server, _ settings: [DiscoveryConfiguration], _ clock: ManualClock, _ metrics: MetricsRegistry
  ) -> WorkloadDiscovery {
    WorkloadDiscovery(
      settings,
      read: { _, _ in
        try server.state.withLock { state in
          state.reads += 1
          return LabelValues(values: try state.answer.get())
        }
      },
      replace: { workloads in
        server.state.withLock { $0.rosters.append(workloads.map(\.name.text)) }
        return ConfigurationChange()
      },
      report: { problem in server.state.withLock { $0.readiness = problem } }, clock: clock, metrics: metrics,
      logger: .silent)
  }

  /// Lets time pass until a number of requests have been answered since.
  private func pass(_ reads: Int, _ server: Server, _ clock: ManualClock) async throws {
    let end = server.state.withLock { $0.reads } + reads
    try await eventually("requests") {
      clock.advance(by: .seconds(5))
      return server.state.withLock { $0.reads } >= end
    }
  }

  @Test("a failing or empty server keeps the workloads, and before the first response the process is not ready")
  func failing() async throws {
    let clock = ManualClock(at: Date(timeIntervalSince1970: 1_770_000_000))
    let (server, metrics) = (Server(), MetricsRegistry())
    server.answer(.failure(TestFailure("connection refused")))
    let discovery = discovery(server, [try settings()], clock, metrics)
    let running = Task { await discovery.run() }
    try await eventually("a reason") { server.readiness?.contains("not discovered yet: connection refused") == true }
    server.answer(.success(["shop-a", "shop-b"]))
    try await pass(2, server, clock)
    try await eventually("workloads") { server.rosters == [["shop-a", "shop-b"]] && server.readiness == nil }
    server.answer(.success([]))
    try await pass(30, server, clock)
    server.answer(.failure(TestFailure("connection refused")))
    try await pass(30, server, clock)
    #expect(server.rosters.count == 1 && server.readiness == nil)
    let page = MetricsPage.text(metrics)
    #expect(page.contains(#"kedastral_discovery_workloads{discovery="0",state="present"} 2"#), "\(page)")
    server.answer(.success(["shop-a"]))
    try await eventually("the other one to end after ten minutes") {
      clock.advance(by: .seconds(20))
      return server.rosters == [["shop-a", "shop-b"], ["shop-a"]]
    }
    running.cancel()
    await running.value
  }

  @Test("a reload keeps the workloads of an unchanged query, and those of a changed one until its first response")
  func reloaded() async throws {
    let clock = ManualClock(at: Date(timeIntervalSince1970: 1_770_000_000))
    let server = Server()
    server.answer(.success(["shop-a", "shop-b", "batch-1"]))
    let discovery = discovery(server, [try settings()], clock, MetricsRegistry())
    let running = Task { await discovery.run() }
    try await eventually("workloads") { server.rosters == [["batch-1", "shop-a", "shop-b"]] }
    server.answer(.failure(TestFailure("connection refused")))
    await discovery.replace(by: [try settings(Self.file.replacing("batch-?", with: "none"))])
    #expect(server.rosters.last == ["shop-a", "shop-b"], "without a request")
    await discovery.replace(by: [try settings(Self.file.replacing("(load)", with: "(other)"))])
    #expect(server.rosters.last == ["batch-1", "shop-a", "shop-b"])
    server.answer(.success(["shop-b", "shop-c"]))
    try await eventually("the response of the new query") {
      clock.advance(by: .seconds(20))
      return server.rosters.last == ["shop-b", "shop-c"]
    }
    await discovery.replace(by: [])
    #expect(server.rosters.last == [])
    running.cancel()
    await running.value
  }
}

/// A registry as text.
enum MetricsPage {
  static func text(_ metrics: MetricsRegistry) -> String {
    metrics.all.flatMap { family in
      family.all.map { metric in
        let labels = zip(family.labelNames, metric.labelValues).map { "\($0)=\"\($1)\"" }.joined(separator: ",")
        return "\(family.name){\(labels)} \(Int(metric.value))"
      }
    }.joined(separator: "\n")
  }
}
