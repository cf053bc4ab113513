import Foundation
import TestSupport
import Testing

@Suite("kedastral calibrate")
struct CalibrateCommandTests {
  /// Six days of load, pods and CPU of an app each five minutes, up to now; CPU and latency by the load for each pod.
  private func openMetrics() -> String {
    let end = Int(Date().timeIntervalSince1970) / 300 * 300
    let count = 6 * 288
    var (load, pods, cpu, slow, old) = ("", "", "", "", "")
    for index in 0...count {
      let time = end - (count - index) * 300
      let perPod = 25 - 15 * cos(2 * Double.pi * Double(index) / 288) + Double(index % 7) / 10
      let running = 4 + index % 3
      load += "load{app=\"shop\"} \(perPod * Double(running)) \(time)\n"
      pods += "pods{app=\"shop\"} \(running) \(time)\n"
      cpu += "cpu{app=\"shop\"} \(0.1 + 0.015 * perPod) \(time)\n"
      slow += "latency{app=\"shop\"} \(0.05 / (1 - perPod / 80)) \(time)\n"
      old += "changed{app=\"shop\"} \((index < 700 ? 0.015 : 0.02) * perPod) \(time)\n"
    }
    return [("load", load), ("pods", pods), ("cpu", cpu), ("latency", slow), ("changed", old)]
      .map { "# TYPE \($0.0) gauge\n\($0.1)" }.joined() + "# EOF\n"
  }

  private struct Result: Decodable {
    var targetPerPod: Double
    var capacity: Double
    var low: Double
    var high: Double
    var isExtrapolated: Bool
    var samples: Int
  }

  @Test("reports what a pod carries at a saturation or a latency, and refuses when the data cannot tell")
  func calibrate() async throws {
    let prometheus = try await PrometheusServer(openMetrics: openMetrics())
    defer { prometheus.stop() }
    let folder = try TemporaryFolder()
    func calibrate(_ arguments: [String]) async throws -> (exitCode: Int32, output: String) {
      let run = try await Daemon.run(
        "kedastral",
        ["calibrate", "--prometheus", prometheus.url, "--load", "load", "--pods", "pods", "--days", "6"] + arguments)
      return (run.exitCode, run.output)
    }
    let svg = folder.url.path + "/shop.svg"
    let share = try await calibrate(["--saturation", "cpu", "--at", "70%", "--svg", svg, "-o", "json"])
    try #require(share.exitCode == 0, "\(share.output)")
    let result = try JSONDecoder().decode(Result.self, from: Data(share.output.utf8))
    #expect(abs(result.capacity - 40) < 0.1 && result.low <= 40.01 && result.high >= 39.99)
    #expect(result.targetPerPod == (result.capacity * 10).rounded(.down) / 10)
    #expect(result.samples > 1700)
    #expect(try String(contentsOfFile: svg, encoding: .utf8).contains("A pod carries"))

    let latency = try await calibrate(["--latency", "latency", "--at", "100ms"])
    #expect(latency.exitCode == 0 && latency.output.hasPrefix("A pod carries 40.0 at a latency of 100ms"))
    #expect(latency.output.contains("policy: {targetPerPod: "))
    #expect(latency.output.contains("◆"))

    let changed = try await calibrate(["--saturation", "changed", "-o", "yaml"])
    #expect(changed.exitCode == 1)
    #expect(changed.output.contains("the relation between load and saturation changed at about"))
    let idle = try await calibrate(["--saturation", "cpu / 10"])
    #expect(idle.exitCode == 1 && idle.output.contains("never above 30 % saturation"))
    let none = try await calibrate(["--saturation", "absent_metric"])
    #expect(none.exitCode == 1 && none.output.contains("no sample in the last 6 days: absent_metric"))
  }

  @Test("check warns when a workload's target for each pod is outside of the measured interval")
  func check() async throws {
    let folder = try TemporaryFolder()
    let two = try folder.write(
      """
      defaults: {source: {url: http://127.0.0.1:9, query: up}, metric: rps}
      workloads:
        - {name: shop, policy: {targetPerPod: 50}}
        - {name: blog, policy: {targetPerPod: 41}}
      """, to: "kedastral.yaml")
    func check(_ calibration: String) async throws -> (exitCode: Int32, output: String) {
      let file = try folder.write(calibration, to: "calibration.json")
      let run = try await Daemon.run("kedastral", ["check", "-config", two, "--offline", "--calibration", file])
      return (run.exitCode, run.output)
    }
    let shop = try await check(#"{"workload":"shop","targetPerPod":40,"low":38.5,"high":42}"#)
    #expect(shop.exitCode == 0)
    #expect(shop.output.contains("shop: warning: targetPerPod is 50, outside of the measured 38.5 … 42.0"))
    let blog = try await check(#"{"workload":"blog","targetPerPod":40,"low":38.5,"high":42}"#)
    #expect(blog.exitCode == 0 && !blog.output.contains("warning"))
    let unnamed = try await check(#"{"targetPerPod":40,"low":38.5,"high":42}"#)
    #expect(unnamed.exitCode == 2 && unnamed.output.contains("write kedastral calibrate --workload NAME"))
    let wrong = try await check("{}")
    #expect(wrong.exitCode == 2 && wrong.output.contains("is not the output of kedastral calibrate -o json"))
  }

  @Test("rejects queries that are missing or do not fit together")
  func usage() async throws {
    let base = ["calibrate", "--prometheus", "http://127.0.0.1:9", "--load", "l", "--pods", "p"]
    for (arguments, problem) in [
      (["calibrate", "--load", "l"], "no server given"),
      (base, "no saturation given"),
      (base + ["--saturation", "s", "--latency", "l"], "cannot be combined"),
      (base + ["--latency", "l"], "write --at DURATION"),
      (base + ["--saturation", "s", "--at", "130%"], "not a share up to 100%"),
      (["calibrate", "--prometheus", "x", "--load", "l"], "is not an http or https URL"),
    ] {
      let run = try await Daemon.run("kedastral", arguments)
      #expect(run.exitCode == 2 && run.output.contains(problem), "\(run.output)")
    }
  }
}
