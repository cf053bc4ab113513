#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The forecast of a model: one value per step, and quantiles if the model estimates its errors.
///
/// Index `i` is the step that ends at `start + (i + 1)·step`.
public struct Forecast: Sendable, Equatable {
  /// The end of the last step of the history.
  public let start: Date
  /// The length of a step.
  public let step: Duration
  /// The expected load of each step (the median where the model is probabilistic); finite and not negative.
  public var values: [Double]
  /// The requested quantiles, as far as the model has them; ordered at each step.
  public var quantiles: Quantiles
  /// The name of the model.
  public var model: String
  /// The reason for the forecast, in a sentence for the operator.
  public var reason: String?

  /// The parts of a combined forecast.
  public var members: [Member] = []
  /// The mean absolute error of the session's recent forecasts divided by that of repeating the last season; nil when unknown.
  public var mase: Double?
  /// The expected mean absolute error ``stepsJudged(_:)`` steps ahead, divided by the mean load: 0.06 is 6 %. Measured on parts
  /// of the history that were held out of the fit; nil when the model does not report it.
  public var expectedError: Double?
  /// What became of the workload's covariates; empty without any.
  package var covariates: [CovariateUse] = []

  /// The horizon at which the forecast error is measured, in steps: five minutes, or one step where steps are longer.
  public static func stepsJudged(_ step: Duration) -> Int { max(1, Int(300 / step.inSeconds)) }

  /// A part of a combined forecast.
  public struct Member: Sendable, Equatable, Codable {
    /// The name of the part.
    public var name: String
    /// Its share in the forecast, 0…1.
    public var weight: Double
    /// Its recent mean absolute error divided by that of repeating the last season; nil until there are enough loads to compare with.
    public var mase: Double?

    /// Describes a part.
    public init(name: String, weight: Double, mase: Double? = nil) {
      self.name = name
      self.weight = weight
      self.mase = mase
    }

    /// The parts, with those of the same name combined: their shares are added, the error is that of the first.
    package static func joined(_ members: [Member]) -> [Member] {
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

  /// The problem with the numbers, in one line, or nil when they can be used for a plan.
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
