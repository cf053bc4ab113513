import KedastralCore

/// What a fit without covariates left of the load at one horizon: forecasts that no row helped to fit, and what came then.
struct CovariateRows {
  let horizon: Int
  /// The steps from which the forecasts were made.
  let indices: [Int]
  let forecasts: [Double]
  let targets: [Double]
  let weights: [Double]
  /// The forecasts and recent levels as columns.
  let own: [[Float]]

  /// How many columns `own` has.
  static let ownCount = 4

  /// The same columns of one step.
  static func own(_ forecast: Double, levels: [Double]) -> [Double] { [forecast, levels[0], levels[2], levels[3]] }

  /// The rows from step `first` on.
  func from(_ first: Int) -> CovariateRows {
    let start = indices.firstIndex { $0 >= first } ?? indices.count
    guard start > 0 else { return self }
    return CovariateRows(
      horizon: horizon, indices: Array(indices[start...]), forecasts: Array(forecasts[start...]),
      targets: Array(targets[start...]), weights: Array(weights[start...]), own: own.map { Array($0[start...]) })
  }
}

/// The covariates that a fit uses, and why it does not use the others.
///
/// A covariate is added where it makes the cross-validated error of the forecast smaller: the forecast without covariates, the
/// load's recent levels and the covariates are the columns of one more direct regression. The one that helps most is added first;
/// another must help beside it.
struct CovariateChoice: Sendable, Equatable {
  /// What was decided of a covariate.
  struct Verdict: Sendable, Equatable {
    var name: String
    /// By how many steps the load follows it; nil where that was not measured.
    var lag: Int?
    /// The share by which it makes the error smaller.
    var reduction: Double?
    var isUsed = false
    /// Whether it had no values when the fit was made.
    var isMissing = false
    /// Why it could not be judged.
    var problem: String?
  }

  /// The regression with the covariates that are used.
  struct Fit: Sendable, Equatable {
    var terms: [CovariateTerm]
    var regression: DirectRegression
    var spreads: [SpreadModel]
    var expectedErrors: [Double]
  }

  var verdicts: [Verdict]
  var fit: Fit?

  /// The least share of the error without covariates by which one has to make it smaller.
  private static let leastReduction = 0.02
  private static let fewestRows = 100
  private static let blockCount = 5
  /// In how many blocks of the history the error may become larger, and by which share that counts.
  private static let worse = (blocks: 2, share: 0.01)

  init(verdicts: [Verdict], fit: Fit? = nil) {
    self.verdicts = verdicts
    self.fit = fit
  }

  /// Chooses among covariates.
  ///
  /// - Parameters:
  ///   - rows: of each horizon.
  ///   - lowest: the lowest load.
  ///   - spread: the spread and expected error of forecasts of the last rows of a horizon.
  init(
    _ readings: [CovariateReading], _ rows: [CovariateRows], season: Int?, lowest: Double, step: Duration, count: Int,
    spread: (Int, [Double]) -> (SpreadModel, Double)
  ) {
    var candidates: [Trial.Member] = []
    verdicts = readings.map { reading in
      var verdict = Verdict(name: reading.name)
      if reading.problem != nil {
        verdict.isMissing = true
        verdict.problem = "it had no samples when the model was fitted"
        return verdict
      }
      guard var term = CovariateTerm(reading) else {
        verdict.problem = "it does not change"
        return verdict
      }
      let track = term.track(reading.values)
      let present = reading.values.prefix(count)
      let first = present.firstIndex(where: \.isFinite) ?? count
      let measured = rows.map { $0.from(first + CovariateTrack.usualSpan) }
      guard measured.allSatisfy({ $0.indices.count >= Self.fewestRows }),
        present.count(where: \.isFinite) * 2 > present.count - first
      else {
        verdict.problem = "its history is too short"
        return verdict
      }
      term.lag = CovariateLag(track, isKnownAhead: term.isKnownAhead, measured).best(step: step, count: count)
      verdict.lag = term.lag
      candidates.append(Trial.Member(term: term, track: track, first: first))
      return verdict
    }
    guard !candidates.isEmpty else { return }
    let context = Trial.Context(rows: rows, season: season, lowest: lowest)
    var best: Trial?
    while !candidates.isEmpty {
      let members = best?.members ?? []
      var trials: [(trial: Trial, reduction: Double)] = []
      for candidate in candidates {
        let trial = Trial(members + [candidate], context)
        guard trial.isComplete else { continue }
        let other = Trial(members, context, from: trial.first)
        let reduction = trial.reduction(from: other)
        verdicts.noteReduction(reduction.share, of: candidate.term.name)
        let isHelpful =
          other.level - trial.level >= Self.leastReduction && reduction.worseBlocks <= Self.worse.blocks
        if isHelpful { trials.append((trial, reduction.share)) }
      }
      guard let winner = trials.max(by: { $0.reduction < $1.reduction }), let added = winner.trial.members.last
      else { break }
      verdicts.use(added.term.name)
      candidates.removeAll { $0.term.name == added.term.name }
      best = winner.trial
    }
    guard let best, var regression = best.regression else { return }
    let judged = regression.outOfBlock.enumerated().map { spread($0, $1) }
    regression.dropTraining()
    fit = Fit(
      terms: best.members.map(\.term), regression: regression, spreads: judged.map(\.0),
      expectedErrors: judged.map(\.1))
  }

  /// The columns of a regression with covariates.
  static func plan(_ terms: [CovariateTerm], season: Int?) -> DirectRegression.Plan {
    let count = terms.reduce(CovariateRows.ownCount) { $0 + $1.columnCount(season: season) }
    return DirectRegression.Plan(
      columns: Array(0..<count), starts: [DirectRegression.Start(kind: .level, sum: [0], correctedBy: [])],
      firstIndex: 0)
  }

  /// A regression with some covariates, compared with others.
  private struct Trial {
    struct Member {
      var term: CovariateTerm
      var track: CovariateTrack
      /// The first step at which it was measured.
      var first: Int
    }

    struct Context {
      let rows: [CovariateRows]
      let season: Int?
      let lowest: Double
    }

    let members: [Member]
    /// The first step of its rows.
    let first: Int
    /// Nil for the forecast without covariates.
    private(set) var regression: DirectRegression?
    private(set) var isComplete = false
    /// The errors of each block of the history at each horizon.
    private var losses: [[Double]] = []
    /// The error divided by that of the forecast without covariates.
    private(set) var level = 1.0

    init(_ members: [Member], _ context: Context, from start: Int = 0) {
      self.members = members
      first = max(start, members.map { $0.first + $0.term.lag + CovariateTrack.usualSpan }.max() ?? 0)
      let rows = context.rows.map { $0.from(first) }
      guard rows.allSatisfy({ $0.indices.count >= CovariateChoice.fewestRows }) else { return }
      isComplete = true
      let regression = DirectRegression(
        CovariateChoice.plan(members.map(\.term), season: context.season),
        knots: rows.map { knot(of: $0, context) })
      self.regression = regression
      losses = zip(rows, regression.outOfBlock).map { Self.losses($0, $1) }
      let plain = rows.map { Self.losses($0, $0.forecasts) }
      level = Self.mean(of: losses, over: plain)
      // What corrects its own errors without covariates must not count as what they add.
      if members.isEmpty, level > 1 { (losses, level) = (plain, 1) }
    }

    private func knot(of rows: CovariateRows, _ context: Context) -> DirectRegression.Knot {
      var columns = rows.own
      let count = members.reduce(0) { $0 + $1.term.columnCount(season: context.season) }
      columns += Array(repeating: [], count: count)
      for column in CovariateRows.ownCount..<columns.count { columns[column].reserveCapacity(rows.indices.count) }
      var row: [Double] = []
      for (index, now) in rows.indices.enumerated() {
        row.removeAll(keepingCapacity: true)
        for member in members {
          member.term.append(
            to: &row, member.track, now: now, horizon: rows.horizon, season: context.season,
            load: rows.forecasts[index] - context.lowest)
        }
        for (column, value) in row.enumerated() { columns[CovariateRows.ownCount + column].append(Float(value)) }
      }
      return DirectRegression.Knot(
        horizon: rows.horizon, columns: columns, firstRow: 0, targets: rows.targets, weights: rows.weights)
    }

    private static func losses(_ rows: CovariateRows, _ forecasts: [Double]) -> [Double] {
      let count = rows.targets.count
      return (0..<blockCount).map { block in
        (block * count / blockCount..<(block + 1) * count / blockCount).reduce(0) {
          $0 + rows.weights[$1] * abs(rows.targets[$1] - forecasts[$1])
        }
      }
    }

    /// The mean over horizons of the ratio of two errors.
    private static func mean(of losses: [[Double]], over others: [[Double]]) -> Double {
      zip(losses, others).reduce(0) { sum, pair in
        sum + pair.0.reduce(0, +) / max(pair.1.reduce(0, +), .leastNormalMagnitude)
      } / Double(max(1, losses.count))
    }

    /// By which share the error is smaller than another's, and in how many blocks of the history it is larger.
    func reduction(from other: Trial) -> (share: Double, worseBlocks: Int) {
      let worse = (0..<blockCount).count { block in
        Self.mean(of: losses.map { [$0[block]] }, over: other.losses.map { [$0[block]] }) > 1
          + CovariateChoice.worse.share
      }
      return (1 - Self.mean(of: losses, over: other.losses), worse)
    }
  }
}

extension [CovariateChoice.Verdict] {
  /// Notes what a covariate adds to those that are used.
  fileprivate mutating func noteReduction(_ share: Double, of name: String) {
    for index in indices where self[index].name == name { self[index].reduction = share }
  }

  fileprivate mutating func use(_ name: String) {
    for index in indices where self[index].name == name { self[index].isUsed = true }
  }
}
