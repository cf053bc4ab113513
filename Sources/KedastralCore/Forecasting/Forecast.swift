#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a model expects: one value a step, and quantiles when it knows its own errors.
///
/// Index `i` is the step that ends at `start + (i + 1)·step`.
public struct Forecast: Sendable, Equatable {
  /// The end of the last step that the model saw.
  public let start: Date
  /// The length of a step.
  public let step: Duration
  /// The expected load of each step (the median where the model is probabilistic); finite and not negative.
  public var values: [Double]
  /// The quantiles that were asked for, as far as the model has them; ordered at each step.
  public var quantiles: Quantiles
  /// The name of the model that made it.
  public var model: String
  /// Why it looks as it does, in a sentence for the operator.
  public var reason: String?

  /// What it is combined from, by models that combine.
  public var members: [Member] = []
  /// The mean absolute error of the session's recent forecasts over that of repeating the last season; nil when not known.
  public var mase: Double?
  /// The mean absolute error to expect ``stepsJudged(_:)`` steps ahead, over the mean load: 0.06 is 6 % off. Found on parts of
  /// the history that were held out of the fit; nil when the model does not say.
  public var expectedError: Double?

  /// How many steps ahead the error of forecasts is judged: five minutes, or a step where steps are longer.
  public static func stepsJudged(_ step: Duration) -> Int { max(1, Int(300 / step.inSeconds)) }

  /// A part of a combined forecast.
  public struct Member: Sendable, Equatable, Codable {
    /// What it is.
    public var name: String
    /// Its share in the forecast, 0…1.
    public var weight: Double
    /// Its mean absolute error of late over that of repeating the last season; nil until enough has come to compare with.
    public var mase: Double?

    /// Describes a part.
    public init(name: String, weight: Double, mase: Double? = nil) {
      self.name = name
      self.weight = weight
      self.mase = mase
    }

    /// The parts, those with the same name joined into one: their shares are added, the error is that of the first.
    static func joined(_ members: [Member]) -> [Member] {
      var joined: [Member] = []
      for member in members {
        if let index = joined.firstIndex(where: { $0.name == member.name }) {
          joined[index].weight += member.weight
          joined[index].mase = joined[index].mase ?? member.mase
        } else {
          joined.append(member)
        }
      }
      return joined
    }
  }

  /// Creates a forecast.
  public init(
    start: Date, step: Duration, values: [Double], quantiles: Quantiles = .none, model: String, reason: String? = nil
  ) {
    self.start = start
    self.step = step
    self.values = values
    self.quantiles = quantiles
    self.model = model
    self.reason = reason
  }

  /// What is wrong with the numbers, in one line, or nil when they can be planned with.
  public var defect: String? {
    if values.isEmpty { return "the forecast of model '\(model)' is empty" }
    if let index = values.firstIndex(where: { !$0.isFinite || $0 < 0 }) {
      return "model '\(model)' forecast \(values[index]) at step \(index); values must be finite and not negative"
    }
    for path in quantiles.paths {
      if path.values.count != values.count {
        return
          "model '\(model)' returned \(path.values.count) values for quantile \(path.level) and \(values.count) steps"
      }
      if let index = path.values.firstIndex(where: { !$0.isFinite || $0 < 0 }) {
        return "model '\(model)' forecast \(path.values[index]) for quantile \(path.level) at step \(index)"
      }
    }
    return nil
  }
}
