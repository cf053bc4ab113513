import Foundation
import KedastralCore
import KedastralHTTP
import KedastralNet
import TestSupport

/// A forecaster's HTTP server with made-up plans, for the commands that ask one.
final class TestForecaster: Sendable {
  private struct Rising: LoadHistory {
    func history(of workload: WorkloadName) -> TimeSeries? {
      let end = SystemWallClock().now.floored(to: .seconds(60))
      return TimeSeries(start: end - .seconds(119 * 60), step: .seconds(60), values: (0..<120).map(Double.init))
    }
  }

  let server: ForecastHTTPServer
  var url: String { "http://127.0.0.1:\(server.address.port)" }

  /// Serves a fresh plan for each name: a load that rises from 100 times its place in the list.
  ///
  /// - Parameters:
  ///   - extra: other plans.
  ///   - failing: workloads whose source fails, with its error.
  ///   - starting: workloads whose first round is still to end.
  init(
    _ names: [String], extra: [Snapshot] = [], failing: [String: String] = [:], starting: [String] = []
  ) async throws {
    let health = WorkloadHealth()
    health.configure(try (names + failing.keys + starting).map { try WorkloadName($0) } + extra.map(\.workload))
    for (name, problem) in failing {
      let workload = try WorkloadName(name)
      health.roundEnded(
        ForecastRound(
          workload: workload, endedAt: SystemWallClock().now, snapshot: nil,
          failure: ForecastFailure(workload: workload, stage: .collect, problem: problem)))
    }
    server = try await ForecastHTTPServer(
      HTTPServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0)), on: EventLoop(), leadTime: .seconds(300),
      interval: { _ in .seconds(30) }, health: health, metrics: MetricsRegistry(), readiness: Readiness(problems: [:]),
      history: Rising(), scorecards: try Self.scorecards(of: names))
    let (updates, feed) = AsyncStream.makeStream(of: StoreUpdate.self)
    for (index, name) in names.enumerated() { feed.yield(.put(try Self.plan(name, base: Double(index + 1) * 100))) }
    for snapshot in extra { feed.yield(.put(snapshot)) }
    feed.finish()
    await server.follow(updates)
  }

  /// Scorecards of a dry run that saves 10 % of 100 pod-hours; each further one has a minute more with too few pods.
  private static func scorecards(of names: [String]) throws -> Scorecards {
    let board = Scorecards()
    for (index, name) in names.enumerated() {
      let verdict = "would have avoided \(40 + index) violation minutes and saved 10 % of pod-hours"
      let windows = [7, 28].map { days in
        """
        {"days":\(days),"measuredMinutes":10000,"hpa":{"violationMinutes":\(50 + index),"podHours":100,"cost":4},
        "plan":{"violationMinutes":10,"podHours":90,"cost":3.6},"cappedMinutes":12,"bridgedMinutes":3,
        "comparedForecasts":9000,"forecastError":0.06,"p90Coverage":0.91,"verdict":"\(verdict)"}
        """
      }
      let report = """
        {"workload":"\(name)","isDryRun":true,"leadTimeSeconds":300,"startupSeconds":180,"utilization":0.7,"price":0.04,
        "since":"2026-03-01","daysWorse":0,"windows":[\(windows.joined(separator: ","))]}
        """
      board.publish(try ScorecardReport(json: Array(report.utf8)), of: try WorkloadName(name))
    }
    return board
  }

  /// A plan of 30 minutes from now.
  static func plan(_ name: String, base: Double, age: Duration = .zero) throws -> Snapshot {
    let values = (0..<30).map { base + Double($0) }
    return try Snapshot(
      workload: try WorkloadName(name), metric: "rps", generatedAt: SystemWallClock().now - age, step: .seconds(60),
      horizon: .seconds(1800), values: values, desiredReplicas: values.map { Int($0 / 50) + 1 },
      quantiles: Quantiles([.init(level: 0.5, values: values), .init(level: 0.9, values: values.map { $0 * 1.2 })]),
      plannedLoad: values.map { $0 * 1.2 },
      model: "auto", currentValue: base, targetPerPod: 50)
  }

  /// Plans of a workload that is capped, of one that is a dry run, and of one without a sample for `silence`.
  static func states(
    silence: Duration, at now: Date
  ) throws -> (capped: Snapshot, trial: Snapshot, silent: Snapshot) {
    var capped = try plan("capped", base: 500)
    capped.requiredReplicas = capped.desiredReplicas.map { $0 + 12 }
    var trial = try plan("trial", base: 100)
    trial.isDryRun = true
    var silent = try plan("silent", base: 100)
    silent.currentValue = nil
    silent.newestSampleAt = now - silence
    silent.bridgedUntil = now + .seconds(600)
    return (capped, trial, silent)
  }

  func close() async { await server.shutdown(within: .zero) }
}
