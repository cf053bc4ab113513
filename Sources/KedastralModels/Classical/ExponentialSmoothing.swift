import KedastralCore

/// Exponential smoothing in its state-space form with additive errors (Hyndman, Koehler, Ord & Snyder 2008): a level, perhaps a
/// (damped) trend, perhaps an additive or multiplicative season; smoothing optimised, components chosen by AICc.
public struct ExponentialSmoothing: Model {
  /// The trend component.
  public enum Trend: String, Sendable, CaseIterable {
    /// No trend.
    case none
    /// A linear trend.
    case additive
    /// A damped trend.
    case damped
  }

  /// The seasonal component.
  public enum Season: String, Sendable, CaseIterable {
    /// No season.
    case none
    /// Adds to the level.
    case additive
    /// Multiplies the level.
    case multiplicative
  }

  /// `ets`.
  public let name = "ets"
  /// The season in steps; nil detects it (up to 400 steps), values below 2 mean that there is none.
  public let seasonLength: Int?
  /// The trend; nil chooses.
  public let trend: Trend?
  /// The season; nil chooses.
  public let season: Season?

  /// Creates the model.
  public init(seasonLength: Int? = nil, trend: Trend? = nil, season: Season? = nil) {
    self.seasonLength = seasonLength
    self.trend = trend
    self.season = season
  }

  /// Forecasts from the last 2,000 samples or ten seasons; see Model/forecast(_:steps:quantiles:).
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let length = ClassicalForecast.season(seasonLength, history, limit: 400).flatMap {
      2 * $0 <= history.count ? $0 : nil
    }
    let prepared = try ClassicalForecast.prepare(
      history, season: length, needed: 4, limit: max(2000, 10 * (length ?? 0)))
    let values = prepared.values
    let seasons = Season.allCases.filter { kind in
      if let season { return season == kind && (kind == .none || length != nil) }
      return kind == .none ? length == nil : length != nil && (kind == .additive || values.allSatisfy { $0 > 0 })
    }
    var best: (fit: SmoothingFit, criterion: Double)?
    for kind in seasons.isEmpty ? [Season.none] : seasons {
      for trend in trend.map({ [$0] }) ?? Trend.allCases {
        let fit = SmoothingFit(optimising: values, trend: trend, season: kind, length: length ?? 1)
        if best.map({ fit.criterion < $0.criterion }) ?? true { best = (fit, fit.criterion) }
      }
    }
    guard let fit = best?.fit else { throw ModelError.notEnoughHistory(needed: 4, present: values.count) }
    return ClassicalForecast.normal(
      history, unit: prepared.unit, means: fit.forecast(steps), deviations: fit.deviations(steps), levels: quantiles,
      model: name,
      reason: "trend \(fit.trend.rawValue), season \(fit.season.rawValue)" + (length.map { " of \($0) steps" } ?? ""))
  }
}

/// Exponential smoothing with given components, run over a history.
struct SmoothingFit {
  /// Smoothing of level, trend and season, and the damping.
  struct Parameters: Equatable {
    var level: Double
    var trend = 0.0
    var season = 0.0
    var damping = 1.0
  }

  /// Level, trend, and the season's parts, the oldest first.
  struct State: Equatable {
    var level: Double
    var trend: Double
    var season: [Double]
  }

  let trend: ExponentialSmoothing.Trend
  let season: ExponentialSmoothing.Season
  let parameters: Parameters
  private(set) var state: State
  /// The sum of squared one-step errors.
  private(set) var squares = 0.0
  let count: Int

  /// Runs over `values` from a state.
  init(
    _ values: [Double], trend: ExponentialSmoothing.Trend, season: ExponentialSmoothing.Season, parameters: Parameters,
    from state: State
  ) {
    (self.trend, self.season, self.parameters, self.state, count) = (trend, season, parameters, state, values.count)
    let length = max(1, state.season.count)
    var (level, slope, parts) = (state.level, state.trend, state.season)
    for (index, value) in values.enumerated() {
      let base = level + parameters.damping * slope
      let place = index % length
      var change = 0.0
      switch season {
      case .none: change = value - base
      case .additive:
        change = value - base - parts[place]
        parts[place] += parameters.season * change
      case .multiplicative:
        let error = value - base * parts[place]
        squares += error * error
        change = error / (parts[place] == 0 ? 1e-9 : parts[place])
        parts[place] += parameters.season * error / (base == 0 ? 1e-9 : base)
      }
      if season != .multiplicative { squares += change * change }
      level = base + parameters.level * change
      if trend != .none { slope = parameters.damping * slope + parameters.trend * change }
    }
    let shift = values.count % length
    let turned = parts.isEmpty ? [] : Array(parts[shift...] + parts[..<shift])
    self.state = State(level: level, trend: slope, season: turned)
  }

  /// Runs over `values` with the parameters that make the squared errors least.
  init(
    optimising values: [Double], trend: ExponentialSmoothing.Trend, season: ExponentialSmoothing.Season, length: Int
  ) {
    let start = Self.start(values, trend: trend, season: season, length: length)
    func parameters(_ point: [Double]) -> Parameters {
      func share(_ x: Double) -> Double { 1 / (1 + exponential(-x)) }
      var result = Parameters(level: 0.0001 + 0.9998 * share(point[0]))
      var next = 1
      if trend != .none {
        result.trend = result.level * share(point[next])
        next += 1
      }
      if season != .none {
        result.season = (1 - result.level) * share(point[next])
        next += 1
      }
      if trend == .damped { result.damping = 0.8 + 0.18 * share(point[next]) }
      return result
    }
    let size = 1 + (trend == .none ? 0 : 1) + (season == .none ? 0 : 1) + (trend == .damped ? 1 : 0)
    let best = NelderMead.minimise(
      from: [0] + Array(repeating: -2, count: size - 1), step: 1, evaluations: 60 * size
    ) { SmoothingFit(values, trend: trend, season: season, parameters: parameters($0), from: start).squares }
    self.init(values, trend: trend, season: season, parameters: parameters(best.point), from: start)
  }

  /// Akaike's criterion, corrected for small samples.
  var criterion: Double {
    let n = Double(count)
    // Level, its smoothing and the variance; two for a trend, one for its damping; a season's parts and its smoothing.
    var unknowns = 3
    if trend != .none { unknowns += 2 }
    if trend == .damped { unknowns += 1 }
    if season != .none { unknowns += state.season.count + 1 }
    let k = Double(unknowns)
    guard n - k - 1 > 0 else { return .infinity }
    return n * naturalLogarithm(max(squares / n, 1e-300)) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
  }

  /// The expected values of the next steps.
  func forecast(_ steps: Int) -> [Double] {
    var damping = 0.0
    var power = 1.0
    return (0..<steps).map { step in
      power *= parameters.damping
      damping += power
      let base = state.level + (trend == .none ? 0 : damping * state.trend)
      guard !state.season.isEmpty, season != .none else { return base }
      let part = state.season[step % state.season.count]
      return season == .additive ? base + part : base * part
    }
  }

  /// The deviations of the next steps' errors; for a multiplicative season those of the additive model with its level's season.
  func deviations(_ steps: Int) -> [Double] {
    let free = Double(max(1, count - 3))
    let variance = squares / free
    var (sum, damping, power) = (1.0, 0.0, 1.0)
    return (0..<steps).map { step in
      defer {
        power *= parameters.damping
        damping += power
        var carried = parameters.level + (trend == .none ? 0 : parameters.trend * damping)
        if season != .none, (step + 1) % max(1, state.season.count) == 0 { carried += parameters.season }
        sum += carried * carried
      }
      return (variance * sum).squareRoot()
    }
  }

  private static func start(
    _ values: [Double], trend: ExponentialSmoothing.Trend, season: ExponentialSmoothing.Season, length: Int
  ) -> State {
    guard season != .none else {
      let first = Array(values.prefix(10))
      let slope = first.count > 1 ? (first[first.count - 1] - first[0]) / Double(first.count - 1) : 0
      return State(level: first[0] - (trend == .none ? 0 : slope), trend: trend == .none ? 0 : slope, season: [])
    }
    let first = values.prefix(length).reduce(0, +) / Double(length)
    let second = values.dropFirst(length).prefix(length).reduce(0, +) / Double(length)
    let slope = trend == .none ? 0 : (second - first) / Double(length)
    let parts = values.prefix(length).map { season == .additive ? $0 - first : $0 / (first == 0 ? 1e-9 : first) }
    return State(level: first - slope * Double(length + 1) / 2, trend: slope, season: parts)
  }
}
