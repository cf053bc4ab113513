import KedastralCore

/// The spread of a load around its forecast: a scale that depends on level, recent volatility and time of day, and the
/// quantiles of errors in units of that scale.
struct SpreadModel: Sendable, Equatable {
  /// What the scale depends on; each part adds to it and none takes away.
  typealias Signals = SIMD8<Double>

  let gains: Signals
  let floor: Double
  /// The quantiles of scaled errors at `levels`.
  let quantiles: [Double]

  /// The share of the way to the end at which a quantile is looked up.
  private static let caution = 0.1

  /// The levels at which quantiles are kept.
  static let levels: [Double] =
    [0.005, 0.01, 0.02, 0.03] + (1...19).map { Double($0) / 20 } + [0.97, 0.98, 0.99, 0.995]

  /// The signals of one step: a constant, the forecast above the lowest load, volatility now and over half a season, and the
  /// volatility of the time of day.
  static func signals(forecast: Double, lowest: Double, volatility: [Double], timeOfDay: Double?) -> Signals {
    Signals(1, max(0, forecast - lowest), volatility[0], volatility[1], timeOfDay ?? 0, 0, 0, 0)
  }

  init(gains: Signals, floor: Double, quantiles: [Double]) {
    self.gains = gains
    self.floor = floor
    self.quantiles = quantiles
  }

  /// Fits scale and quantiles to errors that were made out of sample.
  init(signals: [Signals], errors: [Double], weights: [Double]) {
    let sizes = errors.map { abs($0) }
    let cap = OrderStatistics.quantile(0.98, ofSorted: sizes.sorted())
    let gains = Self.nonNegativeFit(signals, sizes.map { min($0, cap) }, weights)
    let floor = 0.1 * sizes.reduce(0, +) / Double(max(1, sizes.count)) + 1e-9
    let scaled = zip(signals, errors).map { $1 / max(floor, ($0 * gains).sum()) }
    self.gains = gains
    self.floor = floor
    quantiles = Self.weightedQuantiles(scaled, weights)
  }

  /// The scale of one step.
  func scale(_ signals: Signals) -> Double { max(floor, (signals * gains).sum()) }

  /// The quantile of scaled errors, linear between the levels kept.
  ///
  /// Looked up a little further out than asked, because the future differs from the history by more than its blocks differ
  /// from each other.
  func quantile(_ asked: Double) -> Double {
    let levels = Self.levels
    let level = asked + Self.caution * (asked > 0.5 ? 1 - asked : asked < 0.5 ? -asked : 0)
    guard let upper = levels.firstIndex(where: { $0 >= level }) else { return quantiles.last ?? 0 }
    guard upper > 0 else { return quantiles.first ?? 0 }
    let share = (level - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
    return quantiles[upper - 1] * (1 - share) + quantiles[upper] * share
  }

  /// Least squares with coefficients of zero or more, by cyclic coordinate descent.
  private static func nonNegativeFit(_ signals: [Signals], _ targets: [Double], _ weights: [Double]) -> Signals {
    var rows = Array(repeating: Signals.zero, count: Signals.scalarCount)
    var right = Signals.zero
    for index in signals.indices {
      let weighted = signals[index] * weights[index]
      for row in 0..<Signals.scalarCount { rows[row] += weighted * signals[index][row] }
      right += weighted * targets[index]
    }
    var trace = 0.0
    for row in 0..<Signals.scalarCount { trace += rows[row][row] }
    for row in 0..<Signals.scalarCount { rows[row][row] += 1e-3 * trace / Double(Signals.scalarCount) + 1e-300 }
    var gains = Signals.zero
    for _ in 0..<50 {
      for row in 0..<Signals.scalarCount {
        gains[row] = max(0, gains[row] + (right[row] - (rows[row] * gains).sum()) / rows[row][row])
      }
    }
    return gains
  }

  private static func weightedQuantiles(_ values: [Double], _ weights: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    let total = weights.reduce(0, +)
    // As if one more error had been seen beyond each end, so that few rows do not make narrow bands.
    let share = total / Double(max(1, values.count))
    var quantiles: [Double] = []
    var sum = 0.0
    var next = 0
    for level in levels {
      let goal = level * (total + share)
      while next < order.count, sum + weights[order[next]] < goal {
        sum += weights[order[next]]
        next += 1
      }
      quantiles.append(order.isEmpty ? 0 : values[order[min(next, order.count - 1)]])
    }
    return quantiles
  }
}
