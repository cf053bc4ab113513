import KedastralCore

/// Several seasons at once, such as the day and the week: each is taken out in turn by a decomposition that outliers do not move
/// (MSTL: Bandara, Hyndman & Bergmeir 2021), the rest is forecast by exponential smoothing, and the last cycle of each season is
/// added back.
///
///     try MultiSeason().forecast(minutesOfThreeWeeks, steps: 60, quantiles: [0.9])
public struct MultiSeason: Model {
  /// `mstl`.
  public let name = "mstl"
  /// The seasons in steps; nil detects them.
  public let seasons: [Int]?

  /// The maximum number of samples used: three weeks of minutes.
  private static let limit = 30_240
  /// At most this many consecutive deviating samples are an outlier; more are a change of the load.
  private static let longestOutlier = 5

  /// Creates the model.
  ///
  /// - Parameter seasons: the seasons in steps; nil detects the three longest. Those of which the history holds no two cycles are
  ///   left out.
  public init(seasons: [Int]? = nil) {
    self.seasons = seasons
  }

  /// Forecasts; see Model/forecast(_:steps:quantiles:).
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let found = seasons ?? PeriodDetection(of: history).periods.suffix(3).map(\.steps)
    let count = min(history.count, Self.limit)
    let used = Set(found.filter { $0 >= 2 && 2 * $0 <= count }).sorted()
    let prepared = try ClassicalForecast.prepare(history, season: used.last, needed: 4, limit: Self.limit)
    let calm = Self.withoutOutliers(prepared.values, seasons: used)
    let parts = SeasonalParts(calm, seasons: used)
    let adjusted = Array(parts.adjusted(longestOutlier: Self.longestOutlier).suffix(2000))
    let fits = ExponentialSmoothing.Trend.allCases.map {
      SmoothingFit(optimising: adjusted, trend: $0, season: .none, length: 1)
    }
    guard let fit = fits.min(by: { $0.criterion < $1.criterion }) else {
      throw ModelError.notEnoughHistory(needed: 4, present: count)
    }
    let seasonal = parts.continued(steps)
    return ClassicalForecast.normal(
      history, unit: prepared.unit, means: zip(fit.forecast(steps), seasonal).map { $0 + $1 },
      deviations: fit.deviations(steps), levels: quantiles, model: name,
      reason: used.isEmpty
        ? "no season, trend \(fit.trend.rawValue)"
        : "seasons of \(used.map(String.init).joined(separator: " and ")) steps, trend \(fit.trend.rawValue)")
  }

  /// The history with short bursts that no season knows replaced by what is usual at their place in the shortest season.
  ///
  /// The decomposition weighs outliers down, but with three or four cycles an outlier bends its whole phase before that.
  private static func withoutOutliers(_ values: [Double], seasons: [Int]) -> [Double] {
    let known = seasons.filter { 3 * $0 <= values.count }
    guard let shortest = known.first else { return values }
    var isOdd = Array(repeating: true, count: values.count)
    var usual: [Double] = []
    for season in known {
      var medians = Array(repeating: 0.0, count: season)
      for phase in 0..<season {
        medians[phase] =
          OrderStatistics.median(stride(from: phase, to: values.count, by: season).map { values[$0] }) ?? 0
      }
      if season == shortest { usual = medians }
      let distances = values.indices.map { abs(values[$0] - medians[$0 % season]) }
      let bound = 8 * (OrderStatistics.median(distances) ?? 0)
      for index in values.indices where distances[index] <= bound || bound == 0 { isOdd[index] = false }
    }
    var result = values
    var start = 0
    while start < values.count {
      var end = start
      while end < values.count, isOdd[end] { end += 1 }
      if end - start <= longestOutlier { for index in start..<end { result[index] = usual[index % shortest] } }
      start = end + 1
    }
    return result
  }
}

/// A history as the sum of some seasons, a trend and a remainder.
struct SeasonalParts {
  let values: [Double]
  /// The seasons' lengths, ascending.
  let periods: [Int]
  /// What each season adds.
  private(set) var seasons: [[Double]]
  private(set) var trend: [Double]
  private var weights: [Double]

  /// Decomposes; `change` may change how.
  init(
    _ values: [Double], seasons lengths: [Int], change: (inout SeasonalTrendDecomposition.Settings) -> Void = { _ in }
  ) {
    (self.values, periods) = (values, lengths)
    seasons = lengths.map { _ in Array(repeating: 0, count: values.count) }
    trend = Array(repeating: 0, count: values.count)
    weights = Array(repeating: 1, count: values.count)
    var rest = values
    for _ in 0..<(lengths.count > 1 ? 2 : 1) {
      for (place, period) in lengths.enumerated() {
        for index in rest.indices { rest[index] += seasons[place][index] }
        var settings = SeasonalTrendDecomposition.Settings(period: period, seasonWindow: 11 + 4 * place)
        change(&settings)
        let parts = SeasonalTrendDecomposition(rest, settings)
        (seasons[place], trend, weights) = (parts.season, parts.trend, parts.weights)
        for index in rest.indices { rest[index] -= seasons[place][index] }
      }
    }
  }

  /// The history without its seasons, and with the trend in the place of outliers.
  func adjusted(longestOutlier: Int) -> [Double] {
    var rest = values
    for season in seasons { for index in rest.indices { rest[index] -= season[index] } }
    guard !periods.isEmpty else { return rest }
    var start = 0
    while start < rest.count {
      var end = start
      while end < rest.count, weights[end] == 0 { end += 1 }
      if end - start <= longestOutlier { for index in start..<end { rest[index] = trend[index] } }
      start = end + 1
    }
    return rest
  }

  /// What the seasons add to the next steps: their last cycles again.
  func continued(_ steps: Int) -> [Double] {
    (0..<steps).map { step in
      zip(seasons, periods).reduce(0) { $0 + $1.0[values.count - $1.1 + step % $1.1] }
    }
  }
}
