import Foundation
import KedastralCore
import TestSupport
import Testing

@Suite("Policy settings, from the file to KEDA")
struct PolicySettingsTests {
  @Test(
    "serves and explains floor, schedule, several metrics, dry run and threshold")
  func settings() async throws {
    let trace = try PlayedTrace { _ in 300 }
    // A load that the model never saw and that the present has: only a reactive floor can know it.
    let begin = 1_700_000_000 / 60 * 60
    let jump = (0..<3000).map { "\(begin + $0 * 60),\($0 >= 2395 ? 500 : $0 % 60 < 10 ? 100 : 20)" }
    let jumped = try trace.folder.write("timestamp,value\n" + jump.joined(separator: "\n") + "\n", to: "jump.csv")
    try trace.configure(
      """
        - {name: plain, policy: {activationThreshold: 400}}
        - {name: scheduled, timeZone: Asia/Tokyo, policy: {schedules: [{begins: "* * * * *", duration: 1h, min: 77}]}}
        - {name: capped, policy: {schedules: [{begins: "* * * * *", duration: 1h, max: 4}]}}
        - name: both
          otherMetrics: [{metric: queue, source: {path: \(trace.path)}, policy: {targetPerPod: 5}}]
        - {name: dry, dryRun: true}
        - {name: priced, policy: {quantileLevel: p90, shortageCost: 42}}
        - {name: floor, source: {path: \(jumped)}, model: seasonal-naive, window: 2d, policy: {reactiveFloor: true}}
      """)
    let (http, grpc, operations) = (freePort(), freePort(), freePort())
    let forecaster = try Daemon("kedastral-forecaster", ["-config", trace.file, "-listen", "127.0.0.1:\(http)"])
    let scaler = try Daemon(
      "kedastral",
      [
        "scaler", "-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(operations)", "-forecaster-url",
        "http://127.0.0.1:\(http)", "-stale-after", "1m",
      ])
    try await eventually("all plans at the scaler") {
      for name in ["plain", "scheduled", "capped", "both", "dry", "floor"] {
        guard await Daemon.get(operations, "/explain?workload=\(name)").status == 200 else { return false }
      }
      return true
    }

    #expect(try await KEDAClient.ask(grpc, ["workload": "plain"]).value == 30)
    #expect(try await KEDAClient.ask(grpc, ["workload": "plain"]).active == false)
    #expect(try await KEDAClient.ask(grpc, ["workload": "plain", "activationThreshold": "200"]).active == true)
    #expect(try await KEDAClient.ask(grpc, ["workload": "scheduled"]).value == 77)
    #expect(try await KEDAClient.ask(grpc, ["workload": "capped"]).value == 4)
    #expect(try await KEDAClient.ask(grpc, ["workload": "both"]).value == 60)
    #expect(try await KEDAClient.ask(grpc, ["workload": "floor"]).value == 50)
    let dry = try await KEDAClient.ask(grpc, ["workload": "dry"])
    #expect(dry.code == "FAILED_PRECONDITION" && dry.details?.contains("dry run") == true)

    #expect(try await PlayedTrace.explanation("plain", http).clamps == [])
    let scheduled = try await PlayedTrace.explanation("scheduled", http)
    // From the second plan on, shrinkage from the last one is limited too.
    #expect(scheduled.clamps?.last == .scheduledMinimum, "\(scheduled)")
    #expect(try await PlayedTrace.explanation("capped", http).clamps == [.scheduledMaximum])
    #expect(try await PlayedTrace.explanation("floor", http).clamps == [.reactiveFloor])
    let both = try await PlayedTrace.explanation("both", http)
    #expect(both.metric == "queue" && both.targetPerPod == 5 && both.need == 60 && both.headroom == 1)
    let seen = try await PlayedTrace.explanation("both", operations, "&leadTime=10m")
    #expect(seen.replicas == 60 && seen.leadTimeSeconds == 600 && seen.isStale == false && seen.clamps == nil)
    let words = await Daemon.get(operations, "/explain?workload=dry&format=text")
    #expect(words.body.hasPrefix("dry: 30 replicas now") && words.body.contains("dry run"))

    let whatIf = await Daemon.get(http, "/whatif?workload=both&targetPerPod=1&max=150")
    let answer = try #require(try JSONSerialization.jsonObject(with: Data(whatIf.body.utf8)) as? [String: Any])
    #expect((answer["explanation"] as? [String: Any])?["replicas"] as? Int == 150)
    #expect((answer["inForce"] as? [String: Any])?["replicas"] as? Int == 60)
    #expect(((answer["plan"] as? [String: Any])?["desiredReplicas"] as? [Int])?.max() == 150)
    #expect(await PlayedTrace.snapshot("both", http)?.desiredReplicas.max() == 60, "nothing was changed by asking")

    // A tried setting is not overridden by others: a shortage cost overrides a quantile, which overrides headroom.
    for (tried, kept, gone) in [
      ("", ["quantileLevel: 0.9", "shortageCost: 42"], []),
      ("&headroom=1.5", ["headroom: 1.5"], ["quantileLevel", "shortageCost"]),
      ("&quantile=0.75", ["quantileLevel: 0.75"], ["shortageCost"]),
      ("&shortageCost=60", ["quantileLevel: 0.9", "shortageCost: 60"], []),
      ("&min=3&max=150", ["min: 3", "max: 150"], []),
    ] {
      let text = await Daemon.get(http, "/configuration?workload=priced\(tried)").body
      #expect(kept.allSatisfy(text.contains) && !gone.contains(where: text.contains), "\(tried): \(text)")
    }
    for (question, status, part) in [
      ("workload=nobody", 404, "nobody"), ("workload=plain&quantile=0.77", 400, "0.5, 0.75, 0.9, 0.95, 0.99"),
      ("workload=plain&headroom=-1", 400, "'headroom' is '-1'"), ("workload=plain&leadTime=soon", 400, "'leadTime'"),
      ("workload=plain&min=300", 400, "maxReplicas is 200, less than minReplicas (300)"),
    ] {
      let refused = await Daemon.get(http, "/whatif?\(question)")
      #expect(refused.status == status && refused.body.contains(part), "\(question): \(refused)")
    }
    for daemon in [forecaster, scaler] { daemon.process.kill() }
  }

  @Test("an accuracy gate plans for the current load once the forecast error is too large, and the reason states it")
  func accuracyGate() async throws {
    // As unpredictable as can be: a draw each minute, played sixty times as fast.
    var random = SystemRandomNumberGenerator()
    let trace = try PlayedTrace { _ in Double.random(in: 100...900, using: &random).rounded() }
    try trace.configure(
      """
        - name: wild
          source: {type: csv, path: \(trace.path), speed: 60}
          step: 1s
          horizon: 2s
          window: 10m
          settleTime: 0s
          policy: {accuracyGate: 0.01}
      """)
    let http = freePort()
    let forecaster = try Daemon("kedastral-forecaster", ["-config", trace.file, "-listen", "127.0.0.1:\(http)"])
    try await eventually("a closed gate") {
      (try? await PlayedTrace.explanation("wild", http, "&leadTime=0s"))?.clamps?.contains(.accuracyGate) == true
    }
    let explanation = try await PlayedTrace.explanation("wild", http, "&leadTime=0s")
    #expect(explanation.reason?.contains("planned for the current load: the recent forecast error is") == true)
    #expect(explanation.plannedLoad == explanation.currentLoad)
    forecaster.process.kill()
  }
}
