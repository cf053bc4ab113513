import Foundation
import KedastralCore
import TestSupport
import Testing

@Suite("The demonstration")
struct DemoTests {
  /// A running demonstration on free ports.
  private func start() async throws -> (demo: Daemon, http: UInt16, grpc: UInt16) {
    let (http, grpc) = (freePort(), freePort())
    let demo = try Daemon("kedastral", ["demo", "-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(grpc)"])
    try await eventually("both first plans") {
      await Daemon.get(http, "/workloads").body.hasPrefix(#"{"workloads":["api-app","worker-app"]"#)
    }
    return (demo, http, grpc)
  }

  @Test("forecasts flow to a gRPC scaler, and replicas rise before the load", arguments: [SIGINT, SIGTERM])
  func flows(signal: Int32) async throws {
    let (demo, http, grpc) = try await start()
    try await eventually("the page's address") { demo.process.output.contains("http://127.0.0.1:\(http)/") }
    #expect(await Daemon.get(http, "/readyz").status == 200)
    #expect(await Daemon.get(http, "/").body.contains("<title>"))

    // Before a full hour the plan for the next five minutes is far above what the load needs now.
    let question = ScalingQuestion(leadTime: .seconds(300))
    try await eventually("replicas before the spike", within: .seconds(180)) {
      let document = await Daemon.get(http, "/forecast/current?workload=api-app")
      guard let plan = try? Snapshot(json: Data(document.body.utf8)), let load = plan.currentValue else { return false }
      return load < 150 && (plan.answer(question, at: plan.generatedAt)?.value ?? 0) >= 12
    }
    // On a busy machine a plan is stale for a moment: here that is after two seconds.
    try await eventually("answers for both workloads") {
      let api = try await KEDAClient.ask(grpc, ["workload": "api-app"])
      let worker = try await KEDAClient.ask(grpc, ["workload": "worker-app", "mode": "load"])
      return api.target == 1 && api.active == true && (api.value ?? 0) >= 3
        && worker.target == 1000 && worker.active == true && (worker.value ?? 0) > 0
    }

    let command = try #require(demo.process.output.firstMatch(of: /\.build\/release\/kedastral (query .*)/))
    try await eventually("the command that the demonstration prints to work") {
      let query = try await Daemon.run("kedastral", command.1.split(separator: " ").map(String.init))
      return query.exitCode == 0 && query.output.contains("replicas")
    }

    demo.process.signal(signal)
    #expect(try await demo.process.waitForExit() == 0)
  }
}
