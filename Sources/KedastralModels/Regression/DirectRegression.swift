import KedastralCore

/// A direct multi-horizon regression of load on its features: one set of coefficients at each of a few horizons (knots), and
/// between them a mixture of the two neighbours'.
///
/// It begins at a simple forecast (the past profile or median, corrected by how far the load is off it: whichever served best)
/// and learns what the features add, held back by a ridge penalty that blocked cross-validation over the history chose; where
/// nothing is worth adding, the simple forecast is left.
struct DirectRegression: Sendable, Equatable {
  /// A simple forecast to start from: features taken as they are, and a few to correct them by.
  struct Start: Sendable, Equatable {
    var kind: Kind
    var sum: [Int]
    var correctedBy: [Int]

    /// The prediction of a simple forecast for one step.
    enum Kind: Sendable, Equatable {
      /// The median of the history.
      case constant
      /// The recent level of the load.
      case level
      /// A mean of the same time of the last seasons, the latest counting most.
      case profile
      /// The median of the same time of that many of the last seasons.
      case median(seasons: Int)
      /// The same time of the last season.
      case lastSeason
      /// The same time of the last week.
      case lastWeek
    }
  }

  /// Which features a regression uses.
  struct Plan: Sendable, Equatable {
    var columns: [Int]
    var starts: [Start]
    /// The first step of the history that it can learn from.
    var firstIndex: Int
    /// The factor on its errors, except the latest: a model without the daily pattern misses the time at which the load rises, which
    /// affects few errors but matters most.
    var handicap = 1.0
  }

  /// Coefficients of the plan's columns and the constant, for one knot after the other; in single precision, as they are stored.
  private(set) var coefficients: [Float]
  let plan: Plan
  /// The simple forecast it began at.
  let start: Start.Kind
  /// The ridge penalty that was chosen; nil when nothing was learned beyond the start.
  let penalty: Double?
  /// The cross-validated forecast of each row at each knot, fitted without the row's block of the history.
  var outOfBlock: [[Double]]

  static let penalties: [Double] = [1e-3, 3e-2, 1]
  private static let blockCount = 5
  private static let iterations = 3

  /// One knot's data: the rows' features and the loads that followed.
  struct Knot {
    let horizon: Int
    /// All features, one array per feature.
    let columns: [[Float]]
    /// The first row that counts.
    let firstRow: Int
    /// The loads that followed the rows that count.
    let targets: [Double]
    /// How much each row counts.
    let weights: [Double]
  }

  /// The simple forecast of one knot, fitted.
  private struct StartFit {
    var coefficients: [Double]
    var residuals: DesignMatrix.Column
    var weights: DesignMatrix.Column
    var loss: Double
  }

  private struct PreparedKnot {
    var matrix: DesignMatrix
    var means: [Double]
    var deviations: [Double]
    var rowWeights: DesignMatrix.Column
    var targets: DesignMatrix.Column
    var starts: [StartFit]
  }

  /// A regression that was fitted before.
  init(coefficients: [Float], plan: Plan, start: Start.Kind, penalty: Double?) {
    self.coefficients = coefficients
    self.plan = plan
    self.start = start
    self.penalty = penalty
    outOfBlock = []
  }

  init(_ plan: Plan, knots: [Knot]) {
    self.plan = plan
    let prepared = knots.map { Self.prepare($0, plan) }
    let startIndex =
      plan.starts.indices.min { Self.relativeLoss(prepared, $0) < Self.relativeLoss(prepared, $1) } ?? 0
    start = plan.starts[startIndex].kind
    let penaltyShares = Array(repeating: 1.0, count: plan.columns.count) + [0]
    var losses = Array(repeating: 0.0, count: Self.penalties.count)
    var held: [[DesignMatrix.Column]] = []
    var pilots: [(weights: DesignMatrix.Column, equations: NormalEquations)] = []
    for knot in prepared {
      let begin = knot.starts[startIndex]
      let pilot = LeastAbsoluteRegression.fit(
        knot.matrix, targets: begin.residuals, rowWeights: knot.rowWeights, weights: begin.weights,
        penalties: penaltyShares.map { $0 * 1e-2 }, iterations: 2)
      let (columns, loss, equations) = Self.crossValidate(knot, begin, weights: pilot.weights, shares: penaltyShares)
      pilots.append((pilot.weights, equations))
      held.append(columns)
      for index in losses.indices { losses[index] += loss[index] / max(begin.loss, .leastNormalMagnitude) }
    }
    let best = losses.indices.min { losses[$0] < losses[$1] } ?? 0
    let learns = losses[best] < Double(prepared.count)
    penalty = learns ? Self.penalties[best] : nil
    coefficients = []
    outOfBlock = []
    for (index, knot) in prepared.enumerated() {
      let begin = knot.starts[startIndex]
      var total = begin.coefficients
      if learns {
        let fit = LeastAbsoluteRegression.fit(
          knot.matrix, targets: begin.residuals, rowWeights: knot.rowWeights, weights: pilots[index].weights,
          equations: pilots[index].equations, penalties: penaltyShares.map { $0 * Self.penalties[best] },
          iterations: Self.iterations)
        for column in plan.columns.indices {
          let coefficient = fit.coefficients[column] / knot.deviations[column]
          total[column] += coefficient
          total[plan.columns.count] -= coefficient * knot.means[column]
        }
        total[plan.columns.count] += fit.coefficients[plan.columns.count]
      }
      coefficients += total.map { Float($0) }
      let residuals = knot.matrix.unpack(learns ? held[index][best] : begin.residuals)
      outOfBlock.append(zip(knots[index].targets.suffix(residuals.count), residuals).map { $0 - $1 })
    }
  }

  /// Forecasts from a row of features, `share` of the way from knot `knot − 1` to knot `knot`.
  func value(_ row: [Double], knot: Int, share: Double) -> Double {
    let upper = value(row, knot: knot)
    guard share < 1, knot > 0 else { return upper }
    return value(row, knot: knot - 1) * (1 - share) + upper * share
  }

  private func value(_ row: [Double], knot: Int) -> Double {
    let first = knot * (plan.columns.count + 1)
    var value = Double(coefficients[first + plan.columns.count])
    for (index, column) in plan.columns.enumerated() { value += Double(coefficients[first + index]) * row[column] }
    return value
  }

  /// Discards what only the fit needed.
  mutating func dropTraining() { outOfBlock = [] }

  private static func relativeLoss(_ knots: [PreparedKnot], _ start: Int) -> Double {
    knots.reduce(0) { sum, knot in
      let least = knot.starts.map(\.loss).min() ?? 1
      return sum + knot.starts[start].loss / max(least, .leastNormalMagnitude)
    }
  }

  private static func prepare(_ knot: Knot, _ plan: Plan) -> PreparedKnot {
    let count = knot.targets.count
    var matrix = DesignMatrix(rowCount: count, columnCount: plan.columns.count)
    for (index, column) in plan.columns.enumerated() {
      matrix.columns[index] = DesignMatrix.pack(knot.columns[column][knot.firstRow...].map(Double.init))
    }
    let ones = DesignMatrix.pack(Array(repeating: 1, count: count))
    let weights = DesignMatrix.pack(knot.weights)
    let targets = DesignMatrix.pack(knot.targets)
    let starts = plan.starts.map { fitted($0, plan, matrix, ones: ones, weights: weights, targets: targets) }
    let (means, deviations) = matrix.standardise()
    matrix.columns.append(ones)
    return PreparedKnot(
      matrix: matrix, means: means, deviations: deviations, rowWeights: weights, targets: targets, starts: starts)
  }

  private static func fitted(
    _ start: Start, _ plan: Plan, _ matrix: DesignMatrix, ones: DesignMatrix.Column, weights: DesignMatrix.Column,
    targets: DesignMatrix.Column
  ) -> StartFit {
    var residuals = targets
    for column in start.sum {
      for group in residuals.indices { residuals[group] -= matrix.columns[column][group] }
    }
    var corrections = DesignMatrix(rowCount: matrix.rowCount, columnCount: 0)
    corrections.columns = start.correctedBy.map { matrix.columns[$0] } + [ones]
    let fit = LeastAbsoluteRegression.fit(
      corrections, targets: residuals, rowWeights: weights,
      penalties: start.correctedBy.map { _ in 1e-4 } + [0], iterations: iterations)
    var coefficients = Array(repeating: 0.0, count: plan.columns.count + 1)
    for column in start.sum { coefficients[column] += 1 }
    for (column, value) in zip(start.correctedBy, fit.coefficients) { coefficients[column] += value }
    coefficients[plan.columns.count] = fit.coefficients.last ?? 0
    return StartFit(
      coefficients: coefficients, residuals: fit.residuals, weights: fit.weights,
      loss: LeastAbsoluteRegression.loss(fit.residuals, rowWeights: weights, groups: 0..<matrix.groupCount))
  }

  /// Residuals of each row for each penalty, with coefficients that its block of the history did not help to fit; and the normal
  /// equations of all blocks.
  private static func crossValidate(
    _ knot: PreparedKnot, _ start: StartFit, weights: DesignMatrix.Column, shares: [Double]
  ) -> (residuals: [DesignMatrix.Column], losses: [Double], equations: NormalEquations) {
    let groupCount = knot.matrix.groupCount
    let blocks = (0..<blockCount).map { $0 * groupCount / blockCount..<($0 + 1) * groupCount / blockCount }
    let parts = blocks.map { knot.matrix.normalEquations(weights: weights, targets: start.residuals, groups: $0) }
    var all = NormalEquations(size: shares.count)
    for part in parts { all += part }
    var residuals = Array(repeating: start.residuals, count: penalties.count)
    var losses = Array(repeating: 0.0, count: penalties.count)
    for (block, part) in zip(blocks, parts) {
      let rest = all - part
      for (index, penalty) in penalties.enumerated() {
        let coefficients = rest.solved(penalties: shares.map { $0 * penalty * Double(knot.matrix.rowCount) })
        let held = knot.matrix.residuals(of: start.residuals, coefficients, groups: block)
        for group in block { residuals[index][group] = held[group] }
        losses[index] += LeastAbsoluteRegression.loss(held, rowWeights: knot.rowWeights, groups: block)
      }
    }
    return (residuals, losses, all)
  }
}
