import FoundationEssentials
import KedastralCore
import KedastralModels

/// Forecasts of any series: finite, not negative, quantiles in order.
///
/// The first bytes choose model, step, horizon and unit; the others are the series: two bytes per sample, with codes for
/// special numbers.
func fuzzModels(_ bytes: [UInt8]) {
  guard bytes.count > 6 else { return }
  let models: [any Model] = [
    AutoModel(), SeasonalBaseline(), SeasonalNaive(), Croston(), ExponentialSmoothing(),
    Arima(Arima.Order(p: Int(bytes[4] % 3), d: Int(bytes[4] / 3 % 3), q: Int(bytes[4] / 9 % 3))), Arima(),
    Theta(), MultiSeason(),
  ]
  let model = models[Int(bytes[0]) % models.count]
  let step: Duration = [.seconds(15), .seconds(60), .seconds(300), .seconds(3600), .seconds(7)][Int(bytes[1]) % 5]
  let steps = 1 + Int(bytes[2])
  let unit = [1, 1e-300, 1e-3, 1e6, 1e300][Int(bytes[3]) % 5]
  // A pattern may be repeated, so that few bytes make days.
  let repeats = 1 + Int(bytes[5] % 64)
  var pattern: [Double] = []
  for index in stride(from: 6, to: bytes.count - 1, by: 2) {
    let code = Int(bytes[index]) << 8 | Int(bytes[index + 1])
    switch code {
    case 0xFFFF: pattern.append(.nan)
    case 0xFFFE: pattern.append(.infinity)
    case 0xFFFD: pattern.append(-.infinity)
    case 0xFFFC: pattern.append(.greatestFiniteMagnitude)
    case 0xFFFB: pattern.append(.leastNonzeroMagnitude)
    case 0xFFFA: pattern.append(-unit)
    default: pattern.append(Double(code) * unit)
    }
  }
  let values = (0..<repeats).flatMap { _ in pattern }.prefix(4000)
  let history = TimeSeries(start: Date(timeIntervalSince1970: 1_800_000_000), step: step, values: Array(values))
  guard let forecast = try? model.forecast(history, steps: steps, quantiles: [0.5, 0.75, 0.9, 0.99]) else { return }
  demand(forecast.values.count == steps, "\(model.name) gave \(forecast.values.count) steps of \(steps)")
  demand(forecast.defect == nil, forecast.defect ?? "")
  for (lower, upper) in zip(forecast.quantiles.paths, forecast.quantiles.paths.dropFirst()) {
    demand(zip(lower.values, upper.values).allSatisfy { $0 <= $1 }, "\(model.name)'s quantiles cross")
  }
}
