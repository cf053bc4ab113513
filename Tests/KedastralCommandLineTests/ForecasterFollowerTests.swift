import Foundation
import KedastralCore
import KedastralNet
import KedastralSources
import Synchronization
import TestSupport
import Testing

@testable import KedastralCommandLine
@testable import KedastralDaemon

@Suite("Following a forecaster")
struct ForecasterFollowerTests {
  /// Follows a forecaster until `body` returns.
  private func following(_ url: String, _ body: (ForecasterFollower) async throws -> Void) async throws {
    let loop = try EventLoop()
    let client = try HTTPClient(on: loop)
    let follower = ForecasterFollower(
      ForecasterClient(endpoint: HTTPEndpoint(url, deadline: .seconds(5)), client: client), clock: SystemWallClock(),
      metrics: MetricsRegistry(), logger: .silent)
    let rounds = Atomic(0)
    let task = Task { try await follower.run { _ in rounds.add(1, ordering: .relaxed) } }
    defer { task.cancel() }
    try await eventually("a round") { rounds.load(ordering: .relaxed) > 0 }
    try await body(follower)
  }

  @Test("reports why a forecaster's rounds fail for each workload, with and without a plan")
  func problems() async throws {
    var bridged = try TestForecaster.plan("bridged", base: 100)
    bridged.problem = "connection refused"
    let failures = ["failing": "the query is invalid", "away": "timed out after 10 s"]
    let forecaster = try await TestForecaster(["fine"], extra: [bridged], failing: failures, starting: ["starting"])
    try await following(forecaster.url) { follower in
      for (name, text) in failures {
        let workload = try WorkloadName(name)
        let problem = try #require(follower.problem(of: workload))
        #expect(problem.text == text && problem.stage == .collect && problem.failures == 1)
        #expect(abs(problem.since.timeIntervalSinceNow) < 60)
      }
      for name in ["fine", "starting", "nobody"] {
        #expect(try follower.problem(of: WorkloadName(name)) == nil, "\(name)")
      }
    }
    await forecaster.close()
  }

  @Test("an unavailable forecaster reports no problems of workloads")
  func unavailable() async throws {
    try await following("http://127.0.0.1:\(freePort())") { follower in
      let workload = try WorkloadName("api")
      #expect(follower.problem(of: workload) == nil)
    }
  }

  @Test("returns the forecaster's error to KEDA for a failing workload, and serves it again after recovery")
  func throughDaemons() async throws {
    let (http, grpc, operations, port) = (freePort(), freePort(), freePort(), freePort())
    let folder = try TemporaryFolder()
    let file = try folder.write(
      """
      defaults: {metric: rps, model: baseline, interval: 1s, step: 1s, window: 5m, horizon: 1m, policy: {targetPerPod: 1, headroom: 1}}
      workloads:
        - {name: api, source: {type: prometheus, url: "http://127.0.0.1:\(port)", query: vector(7)}}
      """, to: "kedastral.yaml")
    let forecaster = try Daemon("kedastral-forecaster", ["-listen", "127.0.0.1:\(http)", "-config", file])
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(operations)", "-forecaster-url",
        "http://127.0.0.1:\(http)",
      ])
    try await eventually("the cause in KEDA's error") {
      let answer = try await KEDAClient.ask(grpc, ["workload": "api"])
      return answer.code == "NOT_FOUND"
        && answer.details?.hasPrefix("no forecast for workload 'api': failing since ") == true
        && answer.details?.contains("collect: http://127.0.0.1:\(port)") == true
    }
    let explanation = await Daemon.get(operations, "/explain?workload=api")
    #expect(explanation.status == 404 && explanation.body.contains("failing since "), "\(explanation.body)")

    let prometheus = try await PrometheusServer(port: port)
    defer { prometheus.stop() }
    try await eventually("a value") { try await KEDAClient.ask(grpc, ["workload": "api"]).value == 7 }
    try await eventually("no problem any more") {
      await !Daemon.get(operations, "/explain?workload=api").body.contains("failing")
    }
    for daemon in [forecaster, scaler] { daemon.process.kill() }
  }
}
