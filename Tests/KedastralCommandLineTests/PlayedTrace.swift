import Foundation
import KedastralCore
import TestSupport

/// A recorded load and a configuration file, for daemons that need no Prometheus.
struct PlayedTrace {
  let folder: TemporaryFolder
  /// The CSV file.
  let path: String
  /// The configuration file.
  let file: String

  /// Writes `minutes` minutes of a load.
  init(minutes: Int = 3000, _ load: (Int) -> Double) throws {
    folder = try TemporaryFolder()
    let begin = 1_700_000_000 / 60 * 60
    let rows = (0..<minutes).map { "\(begin + $0 * 60),\(load($0))" }
    path = try folder.write("timestamp,value\n" + rows.joined(separator: "\n") + "\n", to: "trace.csv")
    file = folder.url.appendingPathComponent("kedastral.yaml").path
  }

  /// Writes the configuration: these workloads, on common defaults. As editors do, it is replaced at once.
  func configure(_ workloads: String, more: String = "") throws {
    try Data(configuration(workloads, more: more).utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
  }

  /// The configuration of these workloads.
  func configuration(_ workloads: String, more: String = "") -> String {
    """
    defaults:
      metric: rps
      source: {type: csv, path: \(path)}
      model: baseline
      interval: 1s
      window: 1d
      policy: {targetPerPod: 10, max: 200, headroom: 1, upMaxFactor: 100}
    \(more)
    workloads:
    \(workloads)
    """
  }

  /// A snapshot that a forecaster serves, nil when it has none.
  static func snapshot(_ workload: String, _ port: UInt16) async -> Snapshot? {
    let answer = await Daemon.get(port, "/forecast/current?workload=\(workload)")
    return answer.status == 200 ? try? Snapshot(json: Data(answer.body.utf8)) : nil
  }

  /// How a daemon explains a workload's replicas.
  static func explanation(_ workload: String, _ port: UInt16, _ more: String = "") async throws -> PlanExplanation {
    let answer = await Daemon.get(port, "/explain?workload=\(workload)\(more)")
    return try PlanExplanation(json: Data(answer.body.utf8))
  }
}
