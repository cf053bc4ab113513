#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The recent accuracy of a workload's forecasts, independent of the model: each forecast is kept until its load is measured.
///
/// It compares forecasts five minutes ahead, or one step where steps are longer, over the last hour or twenty samples.
struct LiveAccuracy: Decodable, Sendable {
  private struct Expectation: Decodable {
    var instant: Date
    var value: Double
    /// At `levels`.
    var quantiles: [Double]
  }

  private struct Comparison: Decodable {
    var error: Double
    var load: Double
    /// The error of repeating the previous day, if it is known.
    var naiveError: Double?
    /// The number of quantiles that the load exceeded.
    var rank: Int
  }

  private static let spanSeconds = 3600.0
  /// The minimum number of comparisons.
  private static let fewestComparisons = 10

  private var expectations: [Expectation] = []
  private var comparisons: [Comparison] = []
  private var mostComparisons = 20
  /// The levels of the quantiles that are compared.
  private var levels: [Double] = []

  /// Whether the state is valid, which a stored state need not be.
  var isSound: Bool {
    comparisons.allSatisfy { (0...levels.count).contains($0.rank) }
      && expectations.allSatisfy { $0.quantiles.count == levels.count }
  }

  // MARK: Storing

  private static let mostStored = 4096

  /// Writes the state, loads and errors in single precision.
  func write(to writer: inout ByteWriter) {
    writer.append(count: levels.count)
    for level in levels { writer.append(level) }
    writer.append(count: mostComparisons)
    writer.append(count: expectations.count)
    for expected in expectations {
      writer.append(expected.instant.timeIntervalSince1970)
      for number in [expected.value] + expected.quantiles { writer.append(Float(number)) }
    }
    writer.append(count: comparisons.count)
    for comparison in comparisons {
      for number in [comparison.error, comparison.load, comparison.naiveError ?? .nan] { writer.append(Float(number)) }
      writer.append(count: comparison.rank)
    }
  }

  /// Reads a state; nil when it is invalid.
  init?(from reader: inout ByteReader) {
    guard let levelCount = reader.count(most: Self.mostStored),
      let levels = reader.list(levelCount, { $0.finiteDouble() }),
      let most = reader.count(most: Self.mostStored), let expected = reader.count(most: Self.mostStored),
      let expectations = reader.list(
        expected,
        { reader -> Expectation? in
          guard let instant = reader.finiteDouble(), let value = reader.finiteFloat(),
            let quantiles = reader.list(levelCount, { $0.finiteFloat() })
          else { return nil }
          return Expectation(instant: Date(timeIntervalSince1970: instant), value: value, quantiles: quantiles)
        }), let compared = reader.count(most: Self.mostStored),
      let comparisons = reader.list(
        compared,
        { reader -> Comparison? in
          guard let error = reader.finiteFloat(), let load = reader.finiteFloat(), let naiveError = reader.float(),
            let rank = reader.count(most: Self.mostStored)
          else { return nil }
          return Comparison(error: error, load: load, naiveError: naiveError.isFinite ? naiveError : nil, rank: rank)
        })
    else { return nil }
    (self.levels, mostComparisons) = (levels, most)
    (self.expectations, self.comparisons) = (expectations, comparisons)
  }

  // MARK: Comparing

  /// The initial state.
  init() {}

  /// Compares the forecasts with the measured loads, except the last `unsettledCount` of them.
  mutating func settle(_ history: TimeSeries, unsettledCount: Int = 0) {
    guard let end = history.lastInstant(dropping: unsettledCount) else { return }
    for expected in expectations where expected.instant <= end {
      guard let load = history.value(at: expected.instant) else { continue }
      let dayBefore = history.value(at: expected.instant - .seconds(86_400))
      comparisons.append(
        Comparison(
          error: abs(load - expected.value), load: load, naiveError: dayBefore.map { abs(load - $0) },
          rank: expected.quantiles.count { load > $0 }))
    }
    expectations.removeAll { $0.instant <= end }
    if comparisons.count > mostComparisons { comparisons.removeFirst(comparisons.count - mostComparisons) }
  }

  /// Keeps a forecast for a later comparison; a second one from the same samples replaces the first.
  mutating func remember(_ forecast: Forecast) {
    let step = forecast.step.inSeconds
    let index = min(forecast.values.count, Forecast.stepsJudged(forecast.step)) - 1
    guard index >= 0 else { return }
    let paths = forecast.quantiles.paths
    if paths.map(\.level) != levels {
      levels = paths.map(\.level)
      (expectations, comparisons) = ([], [])
    }
    mostComparisons = max(20, Int(Self.spanSeconds / step))
    let instant = forecast.start.addingTimeInterval(Double(index + 1) * step)
    expectations.removeAll { $0.instant >= instant - forecast.step / 2 }
    expectations.append(
      Expectation(instant: instant, value: forecast.values[index], quantiles: paths.map { $0.values[index] }))
  }

  /// The mean absolute error divided by the mean load; nil before there are enough comparisons, or when there was no load.
  var relativeError: Double? {
    guard comparisons.count >= Self.fewestComparisons else { return nil }
    let load = comparisons.reduce(0) { $0 + abs($1.load) }
    return load > 0 ? comparisons.reduce(0) { $0 + $1.error } / load : nil
  }

  /// The mean absolute error divided by that of repeating the previous day, for loads where both are known; nil before there are
  /// enough of them.
  var mase: Double? {
    let known = comparisons.compactMap { comparison in comparison.naiveError.map { (comparison.error, $0) } }
    guard known.count >= Self.fewestComparisons else { return nil }
    let naive = known.reduce(0) { $0 + $1.1 }
    return naive > 0 ? known.reduce(0) { $0 + $1.0 } / naive : nil
  }

  /// The share of loads below each quantile, by its level.
  var coverage: [String: Double]? {
    guard comparisons.count >= Self.fewestComparisons, !levels.isEmpty else { return nil }
    return Dictionary(
      uniqueKeysWithValues: levels.enumerated().map { index, level in
        let below = comparisons.count { $0.rank <= index }
        return ("\(level)", Double(below) / Double(comparisons.count))
      })
  }

  /// The accuracy for a snapshot; nil when nothing is known. Until there are enough loads to compare with, the errors are those
  /// that the model expects.
  func record(of forecast: Forecast, repairedShare: Double?) -> Snapshot.Accuracy? {
    let record = Snapshot.Accuracy(
      mase: mase ?? forecast.mase, relativeError: relativeError ?? forecast.expectedError, coverage: coverage,
      repairedShare: repairedShare,
      members: forecast.members.isEmpty ? nil : forecast.members)
    return record == Snapshot.Accuracy() ? nil : record
  }
}
