import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Measures the errors of the candidates for a load's forecast, and decides whether the learned one is used.
///
/// Periodically a forecast is kept with the values of each candidate, and compared step by step with the measured loads; old
/// errors lose weight slowly. The learned forecast is no longer used when its error is a fifth larger than that of repeating the
/// last season, and is used again when its error is smaller: the distance of the two bounds prevents frequent changes.
///
/// Only the results of completed comparisons are stored, not the forecasts that are still to be compared.
struct LiveRecord: Decodable {
  private enum CodingKeys: CodingKey { case errors, covered, weight, isBeaten, stretch }

  /// The forecasts of the steps after a history.
  struct Claim {
    /// The forecast that was returned.
    var served: [Double]
    /// The 0.9 quantile, before the correction of the first steps.
    var upper: [Double]
    /// The learned forecast.
    var learned: [Double]
    /// The last season, repeated.
    var naive: [Double]
    /// The forecast of each member of the learned forecast.
    var members: [[Double]]
  }

  private struct Kept {
    var start: Date
    var step: Double
    /// The number of candidates, and of the 0.9 quantile behind them.
    let width: Int
    let steps: Int
    /// The first step that is kept.
    private var first = 0
    /// The values of each step in the order of `errors`.
    private var values: [Float] = []
    private(set) var settled = 0

    init(start: Date, step: Double, paths: [[Double]]) {
      (self.start, self.step, width, steps) = (start, step, paths.count, paths.first?.count ?? 0)
      values.reserveCapacity(width * steps)
      for index in 0..<steps { for path in paths { values.append(Float(min(path[index], 1e38))) } }
    }

    /// The values of a step that is not settled.
    subscript(step: Int) -> ArraySlice<Float> { values[(step - first) * width..<(step - first + 1) * width] }

    /// Notes that the next step is settled.
    mutating func settle() { settled += 1 }

    /// Frees the memory of the settled steps, a few at a time.
    mutating func trim() {
      guard settled - first >= max(1, steps / 8) else { return }
      values = Array(values[((settled - first) * width)...])
      first = settled
    }
  }

  private var claims: [Kept] = []
  /// Sums of absolute errors: served, learned, naive, and each member.
  private var errors: [Double] = []
  private var covered = 0.0
  private var weight = 0.0
  /// Whether repeating the last season was more accurate than the learned forecast.
  private(set) var isBeaten = false
  /// The factor on the distance of quantiles from the median with which they have their nominal coverage.
  private(set) var stretch = 1.0

  /// The level of the quantile whose coverage is measured.
  static let watchedLevel = 0.9

  private static let claimLimit = 6
  /// The minimum number of settled steps for a comparison.
  private static let enough = 120.0
  /// The approximate number of settled steps over which errors are averaged.
  private static let memory = 720.0
  /// The largest accepted ratio of the learned forecast's error to that of the naive one.
  private static let tolerance = 1.2
  /// The rate and the limit of the quantiles' stretching (Gibbs & Candès 2021).
  private static let stretchGain = 0.004
  private static let stretchBounds = 0.8...2.5
  /// The largest ratio of two errors that is reported.
  private static let largestRatio = 1e6

  private static let mostErrors = 256

  /// The initial state.
  init() {}

  /// Writes the results of completed comparisons.
  func write(to writer: inout ByteWriter) {
    writer.append(count: errors.count)
    for number in errors + [covered, weight, stretch] { writer.append(number) }
    writer.append(count: isBeaten ? 1 : 0)
  }

  /// Reads the results of an earlier session; nil when they are invalid.
  init?(from reader: inout ByteReader) {
    guard let count = reader.count(most: Self.mostErrors), let errors = reader.list(count, { $0.finiteDouble() }),
      let covered = reader.finiteDouble(), let weight = reader.finiteDouble(), let stretch = reader.finiteDouble(),
      let isBeaten = reader.count(most: 1)
    else { return nil }
    (self.errors, self.covered, self.weight, self.stretch) = (errors, covered, weight, stretch)
    self.isBeaten = isBeaten == 1
  }

  /// Whether the state is valid, which a stored state need not be.
  var isSound: Bool {
    (errors + [covered, weight]).allSatisfy { $0 >= 0 && $0.isFinite } && Self.stretchBounds.contains(stretch)
  }

  /// Keeps a forecast for comparison, when the last kept one is a sixth of a horizon old.
  mutating func note(_ claim: Claim, after history: TimeSeries) {
    let step = history.step.inSeconds
    let spacing = Double(max(1, claim.served.count / Self.claimLimit)) * step
    if let last = claims.last, history.end.timeIntervalSince(last.start) < spacing { return }
    let paths = [claim.served, claim.learned, claim.naive] + claim.members + [claim.upper]
    if errors.count != paths.count - 1 {
      // A different set of members: the results of the other candidates are kept.
      errors = Array(errors.prefix(3)) + Array(repeating: 0, count: paths.count - 1 - errors.prefix(3).count)
      claims = []
    }
    claims.append(Kept(start: history.end, step: step, paths: paths))
    if claims.count > Self.claimLimit + 1 { claims.removeFirst() }
  }

  /// Compares the kept forecasts with the loads measured since, except the last `unsettledCount` of them.
  mutating func settle(_ history: TimeSeries, unsettledCount: Int = 0) {
    claims.removeAll { $0.step != history.step.inSeconds || $0.settled >= $0.steps }
    for index in claims.indices {
      let origin = history.index(nearest: claims[index].start)
      while claims[index].settled < claims[index].steps {
        let horizon = claims[index].settled
        let place = origin + horizon + 1
        guard place < history.count - unsettledCount else { break }
        claims[index].settle()
        if place >= 0, history.values[place].isFinite { judge(claims[index][horizon], by: history.values[place]) }
      }
      claims[index].trim()
    }
    guard weight >= Self.enough, errors.count >= 3 else { return }
    isBeaten = errors[1] > (isBeaten ? 1 : Self.tolerance) * errors[2]
  }

  private mutating func judge(_ claim: ArraySlice<Float>, by load: Double) {
    let keep = 1 - 1 / Self.memory
    for candidate in errors.indices {
      errors[candidate] = errors[candidate] * keep + abs(load - Double(claim[claim.startIndex + candidate]))
    }
    let holds = claim.last.map { load <= Double($0) * (1 + 1e-6) } ?? true
    covered = covered * keep + (holds ? 1 : 0)
    weight = weight * keep + 1
    let moved = stretch * (1 + Self.stretchGain * (holds ? -0.1 : 0.9))
    stretch = min(max(moved, Self.stretchBounds.lowerBound), Self.stretchBounds.upperBound)
  }

  /// The error of the returned forecasts divided by that of repeating the last season; nil until there are enough comparisons.
  var mase: Double? { scaledErrors?[0] }

  /// The errors of the members divided by that of repeating the last season; nil until there are enough comparisons.
  var memberErrors: [Double]? { scaledErrors.map { Array($0.dropFirst(3)) } }

  /// Nil also when the error of repeating the last season is almost zero, as for a constant load: then a ratio is meaningless.
  private var scaledErrors: [Double]? {
    guard weight >= Self.enough, errors.count >= 3, errors[2] > 0, let largest = errors.max(),
      largest < Self.largestRatio * errors[2]
    else { return nil }
    return errors.map { $0 / errors[2] }
  }

  /// The accuracy of the learned forecast as text; empty until there are enough comparisons.
  var summary: String {
    guard let ratio = scaledErrors?[1] else { return "" }
    return "recent error \(percent(ratio)) of that of repeating the last season"
  }

  /// Text for a forecast's reason; empty until there are enough comparisons.
  var note: String {
    guard !summary.isEmpty else { return "" }
    return "; \(summary), \(percent(covered / weight)) of recent loads at or below the 0.9 quantile"
  }

  private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}
