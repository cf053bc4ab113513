/// Whether a forecast uses one of the workload's covariates, and why.
package struct CovariateUse: Sendable, Equatable, Codable {
  /// The covariate.
  package var name: String
  /// Whether this forecast uses it.
  package var isUsed: Bool
  /// How long the load follows it, where that was measured.
  package var lagSeconds: Double?
  /// The share by which it reduces the cross-validated error; negative where it increases it.
  package var errorReduction: Double?
  /// Why it is not used.
  package var problem: String?

  package init(
    name: String, isUsed: Bool, lagSeconds: Double? = nil, errorReduction: Double? = nil, problem: String? = nil
  ) {
    self.name = name
    self.isUsed = isUsed
    self.lagSeconds = lagSeconds
    self.errorReduction = errorReduction
    self.problem = problem
  }

  /// The use in words: `frontend: the load follows it by 10 minutes, error 34 % smaller`.
  package var text: String {
    if let problem { return "\(name): not used, \(problem)" }
    let lag = lagSeconds ?? 0
    let follows = lag > 0 ? "follows it by \(DurationText.words(.seconds(lag)))" : "follows it at once"
    let gain = errorReduction.map { ", error \(Int(($0 * 100).rounded())) % smaller" } ?? ""
    return "\(name): the load \(follows)\(gain)"
  }
}
