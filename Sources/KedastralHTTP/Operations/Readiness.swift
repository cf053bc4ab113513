import KedastralCore
import Synchronization

/// What `/readyz` answers: ready when no check has a problem.
///
///     let readiness = Readiness(problems: ["store": "not connected yet"])
///     readiness.report("store", problem: nil)                       // ready
///     readiness.report("sources", problem: "no plan exists yet")    // not ready, and why
package final class Readiness: Sendable {
  private let problems: Mutex<[String: String?]>

  private let findWarnings: @Sendable () -> [String]

  /// Creates a readiness value.
  ///
  /// - Parameters:
  ///   - problems: those that stand until they are reported to be gone.
  ///   - warnings: problems that do not make the process unready; called for each response of `/readyz`.
  package init(problems: [String: String] = [:], warnings: @escaping @Sendable () -> [String] = { [] }) {
    self.problems = Mutex(problems.mapValues { $0 })
    findWarnings = warnings
  }

  /// What is wrong without making the process unready.
  package var warnings: [String] { findWarnings() }

  /// Sets the state of one check: its problem, or nil.
  package func report(_ check: String, problem: String?) {
    problems.withLock { _ = $0.updateValue(problem, forKey: check) }
  }

  /// Why the process is not ready, as `check: problem` sorted by check; empty when it is.
  package var reasons: [String] {
    problems.withLock { $0.compactMapValues(\.self) }.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
  }

  /// Writes the state of each check into `metrics`.
  func publish(in metrics: MetricsRegistry) {
    let family = metrics.gauge(
      "kedastral_check_failing", help: "Whether a check of /readyz has a problem, by check.", labels: ["check"])
    problems.withLock { problems in
      for (check, problem) in problems { family.with(check).set(problem == nil ? 0 : 1) }
    }
  }
}
