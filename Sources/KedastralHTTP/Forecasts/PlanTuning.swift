import KedastralCore

/// Settings that somebody tries on a workload: what the page's sliders say. Nil leaves one as it is.
public struct PlanTuning: Sendable, Equatable {
  /// The load that one pod is meant to serve.
  public var targetPerPod: Double?
  /// The factor on the forecast.
  public var headroom: Double?
  /// The quantile of the forecast to plan for; 0 plans by headroom.
  public var quantileLevel: Double?
  /// How long before the load the pods are wanted.
  public var leadTime: Duration?

  /// What makes no sense, in words.
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  /// Reads `targetPerPod`, `headroom`, `quantile` and `leadTime`.
  init(_ query: QueryString) throws(Problem) {
    targetPerPod = try Self.number("targetPerPod", query, "a positive number") { $0 > 0 }
    headroom = try Self.number("headroom", query, "a positive number") { $0 > 0 }
    quantileLevel = try Self.number("quantile", query, "0 to 1 (1 excluded)") { (0..<1).contains($0) }
    guard let text = query["leadTime"] else { return }
    guard let duration = try? DurationText.parse(text), duration >= .zero else {
      throw Problem(description: "'leadTime' is '\(text.prefix(40))', expected a duration such as 5m")
    }
    leadTime = duration
  }

  private static func number(
    _ name: String, _ query: QueryString, _ expected: String, _ isRight: (Double) -> Bool
  ) throws(Problem) -> Double? {
    guard let text = query[name] else { return nil }
    guard let number = Double(text), number.isFinite, isRight(number) else {
      throw Problem(description: "'\(name)' is '\(text.prefix(40))', expected \(expected)")
    }
    return number
  }
}
