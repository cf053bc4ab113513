/// The programs that read settings.
package enum Host: String, Sendable, CaseIterable {
  /// Forecasts and serves plans over HTTP.
  case forecaster = "kedastral-forecaster"
  /// Serves plans to KEDA over gRPC.
  case scaler = "kedastral-scaler"
  /// Both in one process.
  case allInOne = "kedastral"

  /// The program's name.
  package var name: String { rawValue }

  /// How it is started: the program, with its subcommand if it has one.
  package var command: String { self == .allInOne ? "kedastral run" : rawValue }

  /// What the program does, in one line.
  var summary: String {
    switch self {
    case .forecaster: "forecasts the load of workloads, plans replicas for it, and serves the plans over HTTP."
    case .scaler: "serves planned replicas to KEDA as a gRPC external scaler."
    case .allInOne: "is forecaster and KEDA external scaler in one process."
    }
  }
}
