#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How good a workload's forecasts have been lately, whatever model made them: each is kept until the load it was made for has
/// come.
///
/// What is compared is the forecast five minutes ahead, or a step where steps are longer, over the last hour or twenty samples.
struct LiveAccuracy: Sendable {
  private struct Expectation {
    var instant: Date
    var value: Double
    var quantiles: [(level: Double, value: Double)]
  }

  private struct Comparison {
    var error: Double
    var load: Double
    /// The error of repeating the day before, where that is known.
    var naiveError: Double?
    var covered: [(level: Double, isBelow: Bool)]
  }

  private static let aheadSeconds = 300.0
  private static let spanSeconds = 3600.0
  /// Fewer comparisons say nothing.
  private static let fewestComparisons = 10

  private var expectations: [Expectation] = []
  private var comparisons: [Comparison] = []
  private var mostComparisons = 20

  /// Takes over the load that was measured at `instant`, and the load a day before, where that is known.
  mutating func observe(_ load: Double, at instant: Date, dayBefore: Double? = nil) {
    guard let index = expectations.firstIndex(where: { abs($0.instant.timeIntervalSince(instant)) < 0.5 }) else {
      expectations.removeAll { $0.instant < instant }
      return
    }
    let expected = expectations[index]
    expectations.removeFirst(index + 1)
    comparisons.append(
      Comparison(
        error: abs(load - expected.value), load: load, naiveError: dayBefore.map { abs(load - $0) },
        covered: expected.quantiles.map { ($0.level, load <= $0.value) }))
    if comparisons.count > mostComparisons { comparisons.removeFirst(comparisons.count - mostComparisons) }
  }

  /// Keeps what a forecast says, to be compared later; a second one from the same samples takes the first one's place.
  mutating func remember(_ forecast: Forecast) {
    let step = forecast.step.inSeconds
    let index = min(forecast.values.count, max(1, Int(Self.aheadSeconds / step))) - 1
    guard index >= 0 else { return }
    mostComparisons = max(20, Int(Self.spanSeconds / step))
    let instant = forecast.start.addingTimeInterval(Double(index + 1) * step)
    expectations.removeAll { $0.instant >= instant - forecast.step / 2 }
    expectations.append(
      Expectation(
        instant: instant, value: forecast.values[index],
        quantiles: forecast.quantiles.paths.map { ($0.level, $0.values[index]) }))
  }

  /// The mean absolute error over the mean load; nil before there are enough comparisons, or when there was no load at all.
  var relativeError: Double? {
    guard comparisons.count >= Self.fewestComparisons else { return nil }
    let load = comparisons.reduce(0) { $0 + abs($1.load) }
    return load > 0 ? comparisons.reduce(0) { $0 + $1.error } / load : nil
  }

  /// The mean absolute error over that of repeating the day before, of the loads where both are known; nil before there are
  /// enough of them.
  var mase: Double? {
    let known = comparisons.compactMap { comparison in comparison.naiveError.map { (comparison.error, $0) } }
    guard known.count >= Self.fewestComparisons else { return nil }
    let naive = known.reduce(0) { $0 + $1.1 }
    return naive > 0 ? known.reduce(0) { $0 + $1.0 } / naive : nil
  }

  /// The share of loads below each quantile, by its level.
  var coverage: [String: Double]? {
    guard comparisons.count >= Self.fewestComparisons else { return nil }
    var counts: [Double: (below: Int, all: Int)] = [:]
    for (level, isBelow) in comparisons.flatMap(\.covered) {
      counts[level, default: (0, 0)].all += 1
      if isBelow { counts[level, default: (0, 0)].below += 1 }
    }
    guard !counts.isEmpty else { return nil }
    return Dictionary(uniqueKeysWithValues: counts.map { ("\($0.key)", Double($0.value.below) / Double($0.value.all)) })
  }

  /// What a snapshot tells; nil when there is nothing to tell.
  func record(of forecast: Forecast, repairedShare: Double?) -> Snapshot.Accuracy? {
    let record = Snapshot.Accuracy(
      mase: mase ?? forecast.recentError, relativeError: relativeError, coverage: coverage,
      repairedShare: repairedShare,
      members: forecast.members.isEmpty ? nil : forecast.members)
    return record == Snapshot.Accuracy() ? nil : record
  }
}
