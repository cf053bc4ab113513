#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How candidates for a load's forecast fare against what comes, and whether the learned one still earns its place.
///
/// A forecast is kept now and then with what each candidate says, and judged step by step as loads come in; old errors are
/// forgotten slowly. The learned forecast loses its place when it errs a fifth more than repeating the last season, and gets it
/// back when it errs less: the distance of the two bounds keeps the choice from flapping.
///
/// What is stored of it is what has been judged; forecasts that are still to be judged are not.
struct LiveRecord: Codable {
  private enum CodingKeys: CodingKey { case errors, covered, weight, isBeaten, stretch }

  /// What is said of the steps behind a history.
  struct Claim {
    /// What was served.
    var served: [Double]
    /// The 0.9 quantile, before the next steps were drawn to the latest samples.
    var upper: [Double]
    /// What was learned.
    var learned: [Double]
    /// The last season, repeated.
    var naive: [Double]
    /// What each member of the learned forecast says.
    var members: [[Double]]
  }

  private struct Kept {
    var start: Date
    var step: Double
    /// The paths of the candidates in the order of `errors`, and the 0.9 quantile behind them.
    var paths: [[Float]]
    var settled = 0

    var steps: Int { paths.first?.count ?? 0 }
  }

  private var claims: [Kept] = []
  /// Sums of absolute errors: served, learned, naive, and each member.
  private var errors: [Double] = []
  private var covered = 0.0
  private var weight = 0.0
  /// Whether repeating the last season has served better than what was learned.
  private(set) var isBeaten = false
  /// By how much the distance of quantiles from the median is to be stretched, so that they hold as often as they claim.
  private(set) var stretch = 1.0

  /// The level of the quantile that is watched whether it holds.
  static let watchedLevel = 0.9

  private static let claimLimit = 6
  /// How many settled steps it takes to judge.
  private static let enough = 120.0
  /// Over about how many settled steps errors are averaged.
  private static let memory = 720.0
  /// How much worse than the naive forecast the learned one may be.
  private static let tolerance = 1.2
  /// How fast quantiles are stretched where they do not hold (Gibbs & Candès 2021), and how far.
  private static let stretchGain = 0.004
  private static let stretchBounds = 0.8...2.5
  /// The largest ratio of two errors that is told.
  private static let largestRatio = 1e6

  /// Whether it can be gone on from, which what was stored need not be.
  var isSound: Bool {
    (errors + [covered, weight]).allSatisfy { $0 >= 0 && $0.isFinite } && Self.stretchBounds.contains(stretch)
  }

  /// Keeps a forecast to be judged, when the last one kept is a sixth of a horizon old.
  mutating func note(_ claim: Claim, after history: TimeSeries) {
    let step = history.step.inSeconds
    let spacing = Double(max(1, claim.served.count / Self.claimLimit)) * step
    if let last = claims.last, history.end.timeIntervalSince(last.start) < spacing { return }
    let paths = [claim.served, claim.learned, claim.naive] + claim.members + [claim.upper]
    if errors.count != paths.count - 1 {
      // Another set of members: what is known of the others stays.
      errors = Array(errors.prefix(3)) + Array(repeating: 0, count: paths.count - 1 - errors.prefix(3).count)
      claims = []
    }
    claims.append(Kept(start: history.end, step: step, paths: paths.map { $0.map { Float(min($0, 1e38)) } }))
    if claims.count > Self.claimLimit + 1 { claims.removeFirst() }
  }

  /// Judges the forecasts kept by the loads that have come since, apart from the last `unsettledCount` of them.
  mutating func settle(_ history: TimeSeries, unsettledCount: Int = 0) {
    claims.removeAll { $0.step != history.step.inSeconds || $0.settled >= $0.steps }
    for index in claims.indices {
      let origin = history.index(nearest: claims[index].start)
      while claims[index].settled < claims[index].steps {
        let horizon = claims[index].settled
        let place = origin + horizon + 1
        guard place < history.count - unsettledCount else { break }
        claims[index].settled += 1
        if place >= 0, history.values[place].isFinite { judge(claims[index], horizon, by: history.values[place]) }
      }
    }
    guard weight >= Self.enough, errors.count >= 3 else { return }
    isBeaten = errors[1] > (isBeaten ? 1 : Self.tolerance) * errors[2]
  }

  private mutating func judge(_ claim: Kept, _ horizon: Int, by load: Double) {
    let keep = 1 - 1 / Self.memory
    for candidate in errors.indices {
      errors[candidate] = errors[candidate] * keep + abs(load - Double(claim.paths[candidate][horizon]))
    }
    let holds = claim.paths.last.map { load <= Double($0[horizon]) * (1 + 1e-6) } ?? true
    covered = covered * keep + (holds ? 1 : 0)
    weight = weight * keep + 1
    let moved = stretch * (1 + Self.stretchGain * (holds ? -0.1 : 0.9))
    stretch = min(max(moved, Self.stretchBounds.lowerBound), Self.stretchBounds.upperBound)
  }

  /// The error of what was served over that of repeating the last season; nil until enough has been judged.
  var mase: Double? { scaledErrors?[0] }

  /// The errors of the members over that of repeating the last season; nil until enough has been judged.
  var memberErrors: [Double]? { scaledErrors.map { Array($0.dropFirst(3)) } }

  /// Nil also when repeating the last season hardly erred at all, as for a load that stands still: then a ratio says nothing.
  private var scaledErrors: [Double]? {
    guard weight >= Self.enough, errors.count >= 3, errors[2] > 0, let largest = errors.max(),
      largest < Self.largestRatio * errors[2]
    else { return nil }
    return errors.map { $0 / errors[2] }
  }

  /// How the learned forecast has done, in words; empty until enough has been judged.
  var summary: String {
    guard let ratio = scaledErrors?[1] else { return "" }
    return "recent error \(percent(ratio)) of that of repeating the last season"
  }

  /// What to add to a forecast's reason; empty until enough has been judged.
  var note: String {
    guard !summary.isEmpty else { return "" }
    return "; \(summary), \(percent(covered / weight)) of recent loads at or below the 0.9 quantile"
  }

  private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}
