import KedastralCore

/// How far a forecast reaches, as a trailer of GetMetrics: only where that is less than the lead time, so that the value is
/// not taken for one of the lead time. KEDA does not read it.
enum ForecastLength {
  /// The trailer's name; its value is a whole number of seconds.
  static let field = "kedastral-forecast-seconds"

  static func text(_ horizon: Duration) -> String { "\(Int(horizon.inSeconds))" }

  /// The length that trailers state, or nil when they state none or something that is not a number of seconds.
  static func read(_ trailers: GRPCFields) -> Duration? {
    guard let text = trailers.last(where: { $0.name == field })?.value, let seconds = Int(text),
      (0...1_000_000_000).contains(seconds)
    else { return nil }
    return .seconds(seconds)
  }
}
