import KedastralCore

/// Finds by how many steps a load follows a covariate.
///
/// At each lag the errors of forecasts without the covariate, at several horizons, are regressed on what the covariate says of the
/// forecast step and of the present; the lag that explains most of the errors is chosen. So a common season decides nothing.
struct CovariateLag {
  /// The longest lag: in time, and in steps at most and at least.
  private static let longest = (seconds: 7200.0, most: 240, least: 6)
  /// The lags that are each tried; beyond them each is a tenth longer than the last.
  private static let dense = 20
  private static let mostKnots = 5

  let track: CovariateTrack
  let isKnownAhead: Bool
  private let rows: [CovariateRows]
  /// The errors of each of the rows, without the largest.
  private let errors: [[Double]]

  init(_ track: CovariateTrack, isKnownAhead: Bool, _ rows: [CovariateRows]) {
    self.track = track
    self.isKnownAhead = isKnownAhead
    let stride = max(1, (rows.count + Self.mostKnots - 1) / Self.mostKnots)
    self.rows = Swift.stride(from: 0, to: rows.count, by: stride).map { rows[$0] }
    errors = self.rows.map { knot in
      let errors = zip(knot.targets, knot.forecasts).map { $0 - $1 }
      let cap = OrderStatistics.quantile(0.98, ofSorted: errors.map { abs($0) }.sorted())
      return errors.map { min(max($0, -cap), cap) }
    }
  }

  /// The lag that explains most.
  func best(step: Duration, count: Int) -> Int {
    let steps = max(Int(Self.longest.seconds / step.inSeconds), Self.longest.least)
    let most = min(steps, Self.longest.most, max(1, count / 20))
    var lags = Array(0...min(most, Self.dense))
    while let last = lags.last, last < most { lags.append(min(most, max(last + 1, last * 11 / 10))) }
    let coarse = best(of: lags)
    guard coarse > Self.dense else { return coarse }
    return best(of: Array(max(Self.dense, coarse * 10 / 11)...min(most, coarse * 11 / 10 + 1)))
  }

  private func best(of lags: [Int]) -> Int {
    var best = (lag: lags.first ?? 0, share: -Double.infinity)
    for lag in lags {
      let share = rows.indices.reduce(0.0) { $0 + explained(rows[$1], errors[$1], lag: lag) }
      // A longer lag must explain more, so that a covariate that says nothing has none.
      if share > best.share + 1e-9 { best = (lag, share) }
    }
    return best.lag
  }

  /// The share of the squared errors of one horizon that a regression explains.
  private func explained(_ rows: CovariateRows, _ errors: [Double], lag: Int) -> Double {
    var sums = Array(repeating: SIMD4<Double>.zero, count: 4)
    var (right, total) = (SIMD4<Double>.zero, 0.0)
    for (row, error) in errors.enumerated() {
      let now = rows.indices[row]
      let last = isKnownAhead ? track.count - 1 : now
      let place = min(now + rows.horizon - lag, last)
      let columns = SIMD4(track.value(place), track.mean(place, upTo: last), track.mean(now - lag, upTo: last), 1)
      let weighted = columns * rows.weights[row]
      for index in 0..<4 { sums[index] += weighted[index] * columns }
      right += weighted * error
      total += rows.weights[row] * error * error
    }
    guard total > 0 else { return 0 }
    var equations = NormalEquations(size: 4)
    var trace = 0.0
    for row in 0..<4 {
      for column in 0..<4 { equations.matrix[row * 4 + column] = sums[row][column] }
      equations.right[row] = right[row]
      trace += sums[row][row]
    }
    let solution = equations.solved(penalties: Array(repeating: 1e-6 * trace, count: 4))
    return (0..<4).reduce(0.0) { $0 + solution[$1] * right[$1] } / total
  }
}
