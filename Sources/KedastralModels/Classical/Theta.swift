import KedastralCore

/// The dynamic optimised Theta model (Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler 2016): a level and a straight line that
/// is fitted again with each sample, mixed by a weight that is optimised with the level's smoothing; a season is taken out first.
public struct Theta: Model {
  /// `theta`.
  public let name = "theta"
  /// The season in steps; nil detects it, values below 2 mean that there is none.
  public let seasonLength: Int?

  /// Creates the model.
  public init(seasonLength: Int? = nil) {
    self.seasonLength = seasonLength
  }

  /// Forecasts from the last 2,000 samples or ten seasons; see Model/forecast(_:steps:quantiles:).
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let length = ClassicalForecast.season(seasonLength, history, limit: .max).flatMap {
      2 * $0 <= history.count ? $0 : nil
    }
    let prepared = try ClassicalForecast.prepare(
      history, season: length, needed: 4, limit: max(2000, 10 * (length ?? 0)))
    let season = length.map { FixedSeason(prepared.values, length: $0) }
    let fit = ThetaFit(optimising: season?.removed(from: prepared.values) ?? prepared.values)
    let (means, deviations) = fit.forecast(steps)
    let first = prepared.values.count
    return ClassicalForecast.normal(
      history, unit: prepared.unit,
      means: means.enumerated().map { season?.added(to: $1, at: first + $0) ?? $1 },
      deviations: deviations.enumerated().map { season?.scaled($1, at: first + $0) ?? $1 }, levels: quantiles,
      model: name,
      reason: "theta \((fit.theta * 100).rounded() / 100), smoothing \((fit.smoothing * 100).rounded() / 100)"
        + (length.map { ", season of \($0) steps" } ?? ""))
  }
}

/// The Theta recursion run over a history.
struct ThetaFit {
  let smoothing: Double
  let theta: Double
  /// The mean squared one-step error, the first three samples left out, which begin the line.
  private(set) var meanSquare = 0.0
  private var count = 0
  private var level: Double
  private var mean = 0.0
  private var intercept = 0.0
  private var slope = 0.0

  /// Runs over `values` from a level before the first.
  init(_ values: [Double], level: Double, smoothing: Double, theta: Double) {
    (self.level, self.smoothing, self.theta) = (level, smoothing, theta)
    var fade = 1.0
    var squares = 0.0
    for (index, value) in values.enumerated() {
      let error = value - expected(fade)
      if index >= 3 { squares += error * error }
      absorb(value)
      fade *= 1 - smoothing
    }
    meanSquare = squares / Double(max(1, values.count - 3))
  }

  /// Runs over `values` with the level, smoothing and weight that make the errors least.
  init(optimising values: [Double]) {
    let start = values.first ?? 0
    let scale = max(abs(start), 1e-6)
    func fit(_ point: [Double]) -> ThetaFit {
      ThetaFit(
        values, level: start / 2 + scale * point[0], smoothing: 0.1 + 0.89 / (1 + exponential(-point[1])),
        theta: 1 + exponential(min(20, point[2])))
    }
    let best = NelderMead.minimise(from: [0.2, 0, 0], step: 0.8, evaluations: 250) { fit($0).meanSquare }
    self = fit(best.point)
  }

  /// Means of the next steps and the deviations of their errors.
  func forecast(_ steps: Int) -> (means: [Double], deviations: [Double]) {
    var future = self
    var fade = power(1 - smoothing, Double(count))
    let deviation = meanSquare.squareRoot()
    var (means, deviations): ([Double], [Double]) = ([], [])
    for step in 0..<steps {
      let mean = future.expected(fade)
      future.absorb(mean)
      fade *= 1 - smoothing
      means.append(mean)
      deviations.append(deviation * (1 + Double(step) * smoothing * smoothing).squareRoot())
    }
    return (means, deviations)
  }

  /// The next sample's expected value; `fade` is (1 − smoothing) to the power of how many samples there were.
  private func expected(_ fade: Double) -> Double {
    let line = intercept * fade + slope * (1 - fade * (1 - smoothing)) / smoothing
    return level + (1 - 1 / theta) * line
  }

  private mutating func absorb(_ value: Double) {
    let n = Double(count)
    level = smoothing * value + (1 - smoothing) * level
    slope = count == 0 ? 0 : ((n - 1) * slope + 6 * (value - mean) / (n + 1)) / (n + 2)
    mean = (n * mean + value) / (n + 1)
    intercept = mean - slope * (n + 2) / 2
    count += 1
  }
}

/// One cycle that repeats unchanged, from a centred moving average: factors where every sample is positive, else summands.
struct FixedSeason {
  let isFactor: Bool
  private let parts: [Double]

  init(_ values: [Double], length: Int) {
    let factors = values.allSatisfy { $0 > 0 } ? Self.parts(values, length, isFactor: true) : nil
    isFactor = factors?.allSatisfy { $0 >= 0.01 } ?? false
    parts = isFactor ? factors ?? [] : Self.parts(values, length, isFactor: false)
  }

  func removed(from values: [Double]) -> [Double] {
    values.enumerated().map { isFactor ? $1 / parts[$0 % parts.count] : $1 - parts[$0 % parts.count] }
  }

  func added(to value: Double, at index: Int) -> Double {
    isFactor ? value * parts[index % parts.count] : value + parts[index % parts.count]
  }

  func scaled(_ deviation: Double, at index: Int) -> Double {
    isFactor ? deviation * parts[index % parts.count] : deviation
  }

  private static func parts(_ values: [Double], _ length: Int, isFactor: Bool) -> [Double] {
    // An even length has half a sample at either end of its window.
    let half = length / 2
    var sums = Array(repeating: 0.0, count: length)
    var counts = Array(repeating: 0.0, count: length)
    var window = values.prefix(2 * half + 1).reduce(0, +)
    for index in half..<max(half, values.count - half) {
      if index > half { window += values[index + half] - values[index - half - 1] }
      let trimmed = length % 2 == 0 ? window - (values[index - half] + values[index + half]) / 2 : window
      let average = trimmed / Double(length)
      sums[index % length] += isFactor ? (average > 0 ? values[index] / average : 1) : values[index] - average
      counts[index % length] += 1
    }
    let means = zip(sums, counts).map { $1 > 0 ? $0 / $1 : (isFactor ? 1 : 0) }
    let centre = means.reduce(0, +) / Double(length)
    return means.map { isFactor ? (centre > 0 ? $0 / centre : 1) : $0 - centre }
  }
}
