/// A series as season plus trend plus remainder, by local regression (STL: Cleveland, Cleveland, McRae & Terpenning 1990).
struct SeasonalTrendDecomposition {
  /// How smooth the parts are.
  struct Settings {
    /// The season's length in steps; 2 or more.
    var period: Int
    /// Over how many cycles the season may change; odd.
    var seasonWindow: Int
    /// Over how many steps the trend may change; odd, longer than the period. Nil takes the authors' choice.
    var trendWindow: Int?
    /// The number of passes with fixed outlier weights, and the number of times that the weights are computed again.
    var innerPasses = 2
    var robustPasses = 15
    /// Every how many steps a part is computed, straight lines between; nil means a tenth of its window.
    var seasonStride: Int? = nil
    var trendStride: Int? = nil
    var lowPassStride: Int? = nil
  }

  private(set) var season: [Double]
  private(set) var trend: [Double]
  /// The weight of each sample, 0…1.
  private(set) var weights: [Double]

  /// Decomposes `values`, of which there are two cycles at least.
  init(_ values: [Double], _ settings: Settings) {
    let count = values.count
    let period = settings.period
    let cycles = Double(settings.seasonWindow)
    let trendLength = settings.trendWindow ?? Self.odd(atLeast: 1.5 * Double(period) / (1 - 1.5 / cycles))
    let lowPassLength = Self.odd(atLeast: Double(period) + 0.5)
    let seasonSmoother = LocalLine(window: settings.seasonWindow, stride: settings.seasonStride)
    let trendSmoother = LocalLine(window: trendLength, stride: settings.trendStride)
    let lowPassSmoother = LocalLine(window: lowPassLength, stride: settings.lowPassStride)
    (season, trend) = (Array(repeating: 0, count: count), Array(repeating: 0, count: count))
    weights = Array(repeating: 1, count: count)
    for pass in 0...settings.robustPasses {
      let trust = pass == 0 ? nil : weights
      for _ in 0..<settings.innerPasses {
        let detrended = zip(values, trend).map { $0 - $1 }
        let cycle = Self.smoothedCycles(detrended, period: period, seasonSmoother, trust)
        let averaged = Self.averages(Self.averages(Self.averages(cycle, over: period), over: period), over: 3)
        let lowPass = lowPassSmoother.smooth(averaged[...], nil)
        for index in 0..<count { season[index] = cycle[period + index] - lowPass[index] }
        trend = trendSmoother.smooth(zip(values, season).map { $0 - $1 }[...], trust)
      }
      guard pass < settings.robustPasses else { break }
      let errors = (0..<count).map { abs(values[$0] - trend[$0] - season[$0]) }
      guard let median = OrderStatistics.median(errors), median > 0 else { break }
      weights = errors.map { Self.trust($0 / (6 * median)) }
    }
  }

  /// Tukey's bisquare.
  private static func trust(_ distance: Double) -> Double {
    if distance <= 0.001 { return 1 }
    if distance > 0.999 { return 0 }
    return (1 - distance * distance) * (1 - distance * distance)
  }

  static func odd(atLeast least: Double) -> Int {
    let whole = Int(least.rounded(.up))
    return whole % 2 == 0 ? whole + 1 : whole
  }

  /// Each phase of the cycle smoothed by itself, one cycle longer at both ends.
  private static func smoothedCycles(
    _ values: [Double], period: Int, _ smoother: LocalLine, _ trust: [Double]?
  ) -> [Double] {
    var result = Array(repeating: 0.0, count: values.count + 2 * period)
    for phase in 0..<period {
      let places = stride(from: phase, to: values.count, by: period)
      let smoothed = smoother.smoothExtended(places.map { values[$0] }, trust.map { trust in places.map { trust[$0] } })
      for (cycle, value) in smoothed.enumerated() { result[phase + cycle * period] = value }
    }
    return result
  }

  /// Means of `length` neighbours.
  private static func averages(_ values: [Double], over length: Int) -> [Double] {
    var sum = values.prefix(length).reduce(0, +)
    var result = [sum / Double(length)]
    result.reserveCapacity(values.count - length + 1)
    for index in length..<max(length, values.count) {
      sum += values[index] - values[index - length]
      result.append(sum / Double(length))
    }
    return result
  }
}

/// Smoothing by a straight line through the neighbours, the nearer the heavier (loess: Cleveland 1979).
struct LocalLine {
  /// How many neighbours count.
  let window: Int
  /// The distance in samples of the fitted lines; values in between are interpolated.
  let stride: Int

  init(window: Int, stride: Int?) {
    self.window = window
    self.stride = stride ?? max(1, (window + 9) / 10)
  }

  /// Smooths samples at 0, 1, 2, …, each trusted so far.
  func smooth(_ values: ArraySlice<Double>, _ trust: [Double]?) -> [Double] {
    let values = Array(values)
    let count = values.count
    guard count > 1 else { return values }
    let step = min(stride, count - 1)
    var result = values
    func fit(_ place: Int) {
      let first = min(max(0, place + 1 - (window + 1) / 2), max(0, count - window))
      let last = min(first + window, count) - 1
      result[place] = value(at: Double(place), values, trust, first...last) ?? values[place]
    }
    func connect(_ from: Int, _ to: Int) {
      let slope = (result[to] - result[from]) / Double(to - from)
      for place in from + 1..<max(from + 1, to) { result[place] = result[from] + slope * Double(place - from) }
    }
    var fitted = 0
    fit(0)
    while fitted + step < count {
      fit(fitted + step)
      connect(fitted, fitted + step)
      fitted += step
    }
    if fitted < count - 1 {
      fit(count - 1)
      connect(fitted, count - 1)
    }
    return result
  }

  /// Smooths, and says what comes one place before the first sample and one behind the last.
  func smoothExtended(_ values: [Double], _ trust: [Double]?) -> [Double] {
    let smoothed = smooth(values[...], trust)
    let count = values.count
    let before = value(at: -1, values, trust, 0...min(window, count) - 1) ?? smoothed[0]
    let behind = value(at: Double(count), values, trust, max(0, count - window)...count - 1) ?? smoothed[count - 1]
    return [before] + smoothed + [behind]
  }

  /// The line's value at `place`; nil where no neighbour is trusted.
  private func value(at place: Double, _ values: [Double], _ trust: [Double]?, _ range: ClosedRange<Int>) -> Double? {
    let count = values.count
    var reach = max(place - Double(range.lowerBound), Double(range.upperBound) - place)
    if window > count { reach += Double((window - count) / 2) }
    var weights = Array(repeating: 0.0, count: range.count)
    var total = 0.0
    for index in range {
      let distance = abs(Double(index) - place)
      guard distance <= 0.999 * reach else { continue }
      let share = distance <= 0.001 * reach ? 0 : distance / reach
      let cube = 1 - share * share * share
      let weight = cube * cube * cube * (trust?[index] ?? 1)
      weights[index - range.lowerBound] = weight
      total += weight
    }
    guard total > 0 else { return nil }
    var centre = 0.0
    for index in range { centre += weights[index - range.lowerBound] * Double(index) / total }
    var spread = 0.0
    for index in range {
      spread += weights[index - range.lowerBound] * (Double(index) - centre) * (Double(index) - centre) / total
    }
    let slope = spread.squareRoot() > 0.001 * Double(count - 1) ? (place - centre) / spread : 0
    var result = 0.0
    for index in range {
      let weight = weights[index - range.lowerBound] / total
      result += weight * (1 + slope * (Double(index) - centre)) * values[index]
    }
    return result
  }
}
