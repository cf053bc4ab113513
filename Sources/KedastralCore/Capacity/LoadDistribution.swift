/// The distributions of a load at the steps of a forecast.
struct LoadDistributions {
  private let levels: [Double]
  private let paths: [Quantiles.Path]

  /// Reads the quantiles of a forecast; nil when it has fewer than three that cover all steps.
  init?(_ forecast: Forecast) {
    paths = forecast.quantiles.paths.filter { $0.values.count == forecast.values.count }
    guard paths.count >= 3 else { return nil }
    levels = paths.map(\.level)
  }

  subscript(step: Int) -> LoadDistribution {
    LoadDistribution(levels: levels, values: paths.map { $0.values[step] })
  }
}

/// The distribution of a load, given by at least three quantiles in ascending order.
struct LoadDistribution {
  let levels: [Double]
  let values: [Double]

  var highest: Double { values[values.count - 1] }

  /// The load that is exceeded with this probability, at most that of the median.
  func load(exceededWith chance: Double) -> Double {
    let last = values.count - 1
    guard chance < 1 - levels[last] else {
      guard let upper = levels.firstIndex(where: { $0 >= 1 - chance }), upper > 0 else { return values[0] }
      let share = (1 - chance - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
      return values[upper - 1] + (values[upper] - values[upper - 1]) * share
    }
    return values[last] + decay * naturalLogarithm((1 - levels[last]) / chance)
  }

  /// The tail falls off as between the third last quantile and the last one: by a factor of e over this load.
  private var decay: Double {
    let last = values.count - 1
    return (values[last] - values[last - 2]) / naturalLogarithm((1 - levels[last - 2]) / (1 - levels[last]))
  }

  /// The probability that the load is more than `served`.
  func chance(above served: Double) -> Double {
    let last = values.count - 1
    if served >= values[last] {
      let decay = decay
      return decay > 0 && served.isFinite ? (1 - levels[last]) * exponential((values[last] - served) / decay) : 0
    }
    guard let upper = values.firstIndex(where: { $0 > served }), upper > 0 else {
      // Below the lowest quantile it reaches down by twice the distance to the next one.
      let width = 2 * (values[1] - values[0])
      return width > 0 ? 1 - levels[0] * max(0, 1 - (values[0] - served) / width) : 1
    }
    let width = values[upper] - values[upper - 1]
    let share = width > 0 ? (served - values[upper - 1]) / width : 1
    return 1 - (levels[upper - 1] + (levels[upper] - levels[upper - 1]) * share)
  }
}
