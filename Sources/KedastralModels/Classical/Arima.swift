import KedastralCore

/// ARIMA and seasonal ARIMA (Box & Jenkins 1970): differences taken out, an ARMA process fitted by maximum likelihood with
/// stationarity and invertibility kept, forecasts summed back.
///
///     try Arima(Arima.Order(p: 2, d: 1, q: 1)).forecast(history, steps: 30, quantiles: [0.9])
///     try Arima().forecast(…)                   // the order is chosen by AICc
public struct Arima: Model {
  /// How many autoregressive terms, differences and moving-average terms, and the same of the season.
  public struct Order: Sendable, Equatable {
    /// Autoregressive terms.
    public var p: Int
    /// Differences.
    public var d: Int
    /// Moving-average terms.
    public var q: Int
    /// Seasonal autoregressive terms.
    public var seasonalP: Int
    /// Seasonal differences.
    public var seasonalD: Int
    /// Seasonal moving-average terms.
    public var seasonalQ: Int
    /// The season in steps; unused without seasonal terms.
    public var season: Int

    /// Creates an order.
    public init(
      p: Int, d: Int, q: Int, seasonalP: Int = 0, seasonalD: Int = 0, seasonalQ: Int = 0, season: Int = 1
    ) {
      (self.p, self.d, self.q) = (p, d, q)
      (self.seasonalP, self.seasonalD, self.seasonalQ, self.season) = (seasonalP, seasonalD, seasonalQ, season)
    }

    var hasSeason: Bool { seasonalP + seasonalD + seasonalQ > 0 }
    var isPlausible: Bool {
      [p, d, q, seasonalP, seasonalD, seasonalQ].allSatisfy { (0...10).contains($0) } && (!hasSeason || season >= 2)
    }
  }

  /// `sarima` when the order has seasonal terms, else `arima`.
  public var name: String { order?.hasSeason == true ? "sarima" : "arima" }
  /// The order; nil chooses one.
  public let order: Order?

  /// Creates the model.
  ///
  /// - Parameter order: the order; nil chooses differences by how much they reduce the variance, and terms step by step
  ///   by AICc (Hyndman & Khandakar 2008).
  public init(_ order: Order? = nil) {
    self.order = order
  }

  /// Forecasts from the last 1,000 samples or four seasons; see Model/forecast(_:steps:quantiles:).
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    if let order, !order.isPlausible {
      throw ModelError.invalidSetting(
        model: name, setting: "order", problem: "needs terms between 0 and 10, and a season of 2 steps or more")
    }
    let season = order.map { $0.hasSeason ? $0.season : nil } ?? ClassicalForecast.season(nil, history, limit: 2016)
    let needed = 10 + (order.map { $0.d + $0.p + $0.q + ($0.seasonalD + $0.seasonalP + $0.seasonalQ) * $0.season } ?? 0)
    let prepared = try ClassicalForecast.prepare(
      history, season: season, needed: needed, limit: max(1000, 4 * (season ?? 0)))
    let fit = order.map { ArimaFit(prepared.values, $0) } ?? ArimaFit.chosen(prepared.values, season: season)
    let (means, deviations) = fit.forecast(steps)
    let chosen = fit.order
    let seasonal =
      chosen.hasSeason ? "(\(chosen.seasonalP),\(chosen.seasonalD),\(chosen.seasonalQ))[\(chosen.season)]" : ""
    return ClassicalForecast.normal(
      history, unit: prepared.unit, means: means, deviations: deviations, levels: quantiles, model: name,
      reason: "order (\(chosen.p),\(chosen.d),\(chosen.q))\(seasonal)" + (order == nil ? ", chosen by AICc" : ""))
  }
}

/// An ARIMA model fitted to one history.
struct ArimaFit {
  let values: [Double]
  let order: Arima.Order
  let process: ArimaProcess
  /// The mean of the differenced history; zero when differences were taken.
  let mean: Double
  private let differenced: [Double]
  private let deviance: Double
  private let unknownCount: Int

  /// Finds the coefficients: first by the conditional likelihood, which is cheap, and from there by the exact one.
  ///
  /// - Parameter isApproximate: stops after the first, for the comparison of orders (Hyndman & Khandakar 2008).
  init(_ values: [Double], _ order: Arima.Order, isApproximate: Bool = false) {
    let differenced = Self.differenced(values, order)
    let mean = order.d + order.seasonalD == 0 ? differenced.reduce(0, +) / Double(max(1, differenced.count)) : 0
    let centred = differenced.map { $0 - mean }
    let size = order.p + order.q + order.seasonalP + order.seasonalQ
    let evaluations = size == 0 ? 1 : 80 * size
    var best = NelderMead.minimise(
      from: Array(repeating: 0.1, count: size), step: 0.3, evaluations: evaluations, tolerance: 1e-8
    ) { Self.process($0, order).conditional(centred, steps: 0).deviance }
    if !isApproximate, Self.process(best.point, order).isSmall {
      best = NelderMead.minimise(from: best.point, step: 0.05, evaluations: evaluations, tolerance: 1e-8) {
        Self.process($0, order).exact(centred, steps: 0).deviance
      }
    }
    self.init(values, order, process: Self.process(best.point, order), mean: mean, isApproximate: isApproximate)
  }

  init(
    _ values: [Double], _ order: Arima.Order, process: ArimaProcess, mean: Double, isApproximate: Bool = false
  ) {
    (self.values, self.order, self.process, self.mean) = (values, order, process, mean)
    differenced = Self.differenced(values, order)
    let offset = mean
    let centred = differenced.map { $0 - offset }
    // As if of all samples, so that orders with more terms, which leave more samples out, compare with others.
    deviance =
      isApproximate
      ? Double(centred.count) * naturalLogarithm(process.conditional(centred, steps: 0).variance)
      : process.run(centred, steps: 0).deviance
    unknownCount = order.p + order.q + order.seasonalP + order.seasonalQ + (order.d + order.seasonalD == 0 ? 2 : 1)
  }

  /// The log-likelihood of the differenced history, with the variance at its best value.
  var logLikelihood: Double {
    let count = Double(differenced.count)
    return -0.5 * (deviance + count * (1 + naturalLogarithm(2 * .pi)))
  }

  /// Akaike's criterion, corrected for small samples.
  var criterion: Double {
    let (n, k) = (Double(differenced.count), Double(unknownCount))
    return n - k - 1 > 0 ? deviance + 2 * k + 2 * k * (k + 1) / (n - k - 1) : .infinity
  }

  /// The order with the smallest criterion that steps from simple ones lead to.
  static func chosen(_ values: [Double], season: Int?) -> ArimaFit {
    var order = Arima.Order(p: 1, d: 0, q: 1, season: season ?? 1)
    func variance(_ order: Arima.Order) -> Double {
      let differenced = differenced(values, order)
      let mean = differenced.reduce(0, +) / Double(max(1, differenced.count))
      return differenced.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, differenced.count))
    }
    var trial = order
    trial.seasonalD = season == nil ? 0 : 1
    if variance(trial) < 0.7 * variance(order) {
      order.seasonalD = 1
      // With long seasons one moving-average term is all that can be afforded.
      order.seasonalQ = 1
    }
    trial = order
    trial.d = 1
    if variance(trial) < 0.5 * variance(order) { order.d = 1 }
    var best = ArimaFit(values, order, isApproximate: true)
    for _ in 0..<4 {
      var better = best
      for (dp, dq) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
        var next = best.order
        next.p += dp
        next.q += dq
        guard (0...4).contains(next.p), (0...4).contains(next.q) else { continue }
        let fit = ArimaFit(values, next, isApproximate: true)
        if fit.criterion < better.criterion { better = fit }
      }
      guard better.criterion < best.criterion else { break }
      best = better
    }
    return ArimaFit(values, best.order)
  }

  /// Means of the next steps and the deviations of their errors.
  func forecast(_ steps: Int) -> (means: [Double], deviations: [Double]) {
    let pass = process.run(differenced.map { $0 - mean }, steps: steps)
    var means = pass.forecast.map { $0 + mean }
    // Undone in the opposite order: ordinary differences were taken last.
    var levels = [values]
    for _ in 0..<order.seasonalD { levels.append(Self.difference(levels[levels.count - 1], lag: order.season)) }
    for _ in 0..<order.d { levels.append(Self.difference(levels[levels.count - 1], lag: 1)) }
    for depth in stride(from: levels.count - 2, through: 0, by: -1) {
      let lag = depth < order.seasonalD ? order.season : 1
      var known = levels[depth]
      for mean in means { known.append(mean + (known.count >= lag ? known[known.count - lag] : 0)) }
      means = Array(known.suffix(steps))
    }
    // The weights of past innovations (ψ) of the whole process, differences included.
    var polynomial = [1.0] + process.ar.map { -$0 }
    for _ in 0..<order.d { polynomial = Self.timesDifference(polynomial, lag: 1) }
    for _ in 0..<order.seasonalD { polynomial = Self.timesDifference(polynomial, lag: order.season) }
    let terms = polynomial.enumerated().dropFirst().filter { $0.element != 0 }
    var weights: [Double] = []
    var sum = 0.0
    let deviations = (0..<steps).map { step in
      var weight = step == 0 ? 1 : step <= process.ma.count ? process.ma[step - 1] : 0
      for (lag, value) in terms where lag <= step { weight -= value * weights[step - lag] }
      weights.append(weight)
      sum += weight * weight
      return (pass.variance * sum).squareRoot()
    }
    return (means, deviations)
  }

  private static func process(_ point: [Double], _ order: Arima.Order) -> ArimaProcess {
    var rest = point[...]
    func next(_ count: Int) -> [Double] {
      defer { rest = rest.dropFirst(count) }
      return ArimaProcess.stationary(rest.prefix(count))
    }
    let ar = next(order.p)
    let ma = next(order.q).map { -$0 }
    let seasonalAR = next(order.seasonalP)
    let seasonalMA = next(order.seasonalQ).map { -$0 }
    return ArimaProcess(ar: ar, ma: ma, seasonalAR: seasonalAR, seasonalMA: seasonalMA, season: order.season)
  }

  private static func differenced(_ values: [Double], _ order: Arima.Order) -> [Double] {
    var result = values
    for _ in 0..<order.seasonalD { result = difference(result, lag: order.season) }
    for _ in 0..<order.d { result = difference(result, lag: 1) }
    return result
  }

  private static func difference(_ values: [Double], lag: Int) -> [Double] {
    zip(values.dropFirst(lag), values).map { $0 - $1 }
  }

  private static func timesDifference(_ polynomial: [Double], lag: Int) -> [Double] {
    var result = polynomial + Array(repeating: 0, count: lag)
    for (index, value) in polynomial.enumerated() { result[index + lag] -= value }
    return result
  }
}
