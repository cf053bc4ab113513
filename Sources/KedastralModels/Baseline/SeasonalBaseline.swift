import KedastralCore

/// The same time in the last season, corrected by the current deviation of the load.
///
/// The expected load of a step is the median of the load at the same point of the last three seasons (the longest period that
/// PeriodDetection finds; none when it finds none). What the load is above or below that expectation at the end of the history,
/// exponentially smoothed, is carried into the future by a share for each horizon; smoothing and shares are the ones that would
/// have served best at past origins in the history, and the errors made there give the quantiles of each horizon.
///
///     let forecast = try SeasonalBaseline().forecast(history, steps: 30, quantiles: [0.5, 0.9])
public struct SeasonalBaseline: Model {
  /// `baseline`.
  public let name = "baseline"

  /// The season in steps, or nil to detect it.
  public let season: Int?

  /// Creates the model.
  ///
  /// - Parameter season: the season in steps; nil detects it, and values below 2 mean that there is none.
  public init(season: Int? = nil) {
    self.season = season
  }

  /// Forecasts from one sample on; see Model/forecast(_:steps:quantiles:).
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    guard history.lastPresentIndex != nil else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
    let largest = history.values.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
    let unit = largest > 0 ? largest : 1
    let scaled = TimeSeries(
      start: history.start, step: history.step, values: history.values.map { $0.isFinite ? $0 / unit : .nan })
    let period = season.map { $0 < 2 ? nil : $0 } ?? PeriodDetection(of: scaled).longest?.steps
    let fit = BaselineFit(scaled.values, period: period, steps: steps)
    func load(_ value: Double) -> Double { min(max(0, value) * unit, .greatestFiniteMagnitude) }
    return Forecast(
      start: history.end, step: history.step, values: fit.values.map(load),
      quantiles: fit.quantiles(quantiles).mapValues { $0.map(load) }, model: name,
      reason: period.map { "same time of the last seasons of \($0) steps, corrected by the recent level" }
        ?? "recent level; no season found")
  }
}

extension SeasonalBaseline: LearningModel {
  package func firstForecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    try forecast(history, steps: steps, quantiles: quantiles)
  }
}

/// The baseline fitted to one history in units of its largest value.
private struct BaselineFit {
  let history: [Double]
  let period: Int?
  /// The median of the last seasons at each step of the history and the horizon; zero without a season.
  let expected: [Double]
  /// The forecast.
  private(set) var values: [Double] = []
  /// The errors at past origins for each horizon, ascending; the last horizons may have none.
  private(set) var errors: [[Double]] = []

  init(_ history: [Double], period: Int?, steps: Int) {
    self.history = history
    self.period = period
    if let period {
      let level = OrderStatistics.median(history) ?? 0
      expected = (0..<history.count + steps).map { index in
        Self.seasonalMedian(history, at: index, knownUntil: min(index, history.count), period: period) ?? level
      }
    } else {
      expected = Array(repeating: 0, count: history.count + steps)
    }
    let origins = pastOrigins()
    var leastLoss = Double.infinity
    for smoothing in [0.05, 0.2, 0.5, 1] {
      let trial = tried(smoothedDeviations(smoothing), origins: origins, steps: steps)
      if trial.loss < leastLoss { (leastLoss, values, errors) = trial }
    }
  }

  /// Forecasts, and the errors of the same rule at past origins with their mean size.
  private func tried(
    _ deviations: [Double], origins: [Int], steps: Int
  ) -> (loss: Double, values: [Double], errors: [[Double]]) {
    var (loss, made) = (0.0, 0)
    var values: [Double] = []
    var errors: [[Double]] = []
    for horizon in 0..<steps {
      let targets = origins.filter { $0 + horizon < history.count && history[$0 + horizon].isFinite }
      let expectations = targets.map { expectation(at: $0 + horizon, from: $0) }
      var share = 1.0
      if period != nil {
        var (products, squares) = (0.0, 1e-12)
        for (origin, expectation) in zip(targets, expectations) {
          products += deviations[origin - 1] * (history[origin + horizon] - expectation)
          squares += deviations[origin - 1] * deviations[origin - 1]
        }
        share = min(max(0, products / squares), 1)
      }
      let past = zip(targets, expectations).map { origin, expectation in
        history[origin + horizon] - max(0, expectation + share * deviations[origin - 1])
      }
      for error in past { loss += abs(error) }
      made += past.count
      errors.append(past.sorted())
      let now = history.count
      values.append(max(0, expectation(at: now + horizon, from: now) + share * deviations[now - 1]))
    }
    return (loss / Double(max(1, made)), values, errors)
  }

  /// The past origins: about 96, each with a season before it.
  private func pastOrigins() -> [Int] {
    let first = max(1, (period ?? 0) + 1)
    guard first < history.count else { return [] }
    return Array(stride(from: first, to: history.count, by: max(1, (history.count - first) / 96)))
  }

  /// The expectation of step `index` as it could be known before step `origin`.
  private func expectation(at index: Int, from origin: Int) -> Double {
    guard let period, index - period >= origin else { return expected[index] }
    return Self.seasonalMedian(history, at: index, knownUntil: origin, period: period) ?? expected[index]
  }

  /// The median of the last three samples before `knownUntil` that lie whole seasons before `index`; nil when all are missing.
  private static func seasonalMedian(_ history: [Double], at index: Int, knownUntil: Int, period: Int) -> Double? {
    var source = index - period
    while source >= knownUntil { source -= period }
    var (low, middle, high, present) = (0.0, 0.0, 0.0, 0)
    for _ in 0..<3 where source >= 0 {
      let value = history[source]
      source -= period
      guard value.isFinite else { continue }
      present += 1
      switch present {
      case 1: (low, middle, high) = (value, value, value)
      case 2: (low, middle, high) = (min(low, value), (low + value) / 2, max(high, value))
      default: middle = min(max(value, low), high)
      }
    }
    return present == 0 ? nil : middle
  }

  /// The load's deviation from the expectation, exponentially smoothed over the present samples.
  private func smoothedDeviations(_ smoothing: Double) -> [Double] {
    var level: Double?
    return history.indices.map { index in
      let deviation = history[index] - expected[index]
      if deviation.isFinite { level = level.map { $0 + smoothing * (deviation - $0) } ?? deviation }
      return level ?? 0
    }
  }

  /// The quantile paths, ordered at each step; horizons with too few errors use those of the longest horizon with
  /// enough.
  func quantiles(_ levels: [Double]) -> Quantiles {
    var paths = levels.sorted().map { Quantiles.Path(level: $0, values: values) }
    var known: [Double] = []
    for horizon in values.indices {
      if errors[horizon].count >= min(8, known.count) { known = errors[horizon] }
      guard !known.isEmpty else { continue }
      var floor = 0.0
      for index in paths.indices {
        let error = OrderStatistics.conformalQuantile(paths[index].level, ofSorted: known)
        floor = max(floor, values[horizon] + error)
        paths[index].values[horizon] = floor
      }
    }
    return Quantiles(paths)
  }
}

extension Model where Self == SeasonalBaseline {
  /// The simple seasonal model, which works from the first hour of history on.
  public static var baseline: SeasonalBaseline { SeasonalBaseline() }
}
