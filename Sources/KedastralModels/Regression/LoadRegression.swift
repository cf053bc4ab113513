import KedastralCore

/// Direct regressions of one load, combined, with calibrated quantiles.
/// There are two regressions with different features (one with last week and the median of five days, one without last week and
/// with ten days), three simple forecasts (the median of the same time of ten days, the level, and the last day or week repeated),
/// and an autoregression on the last samples. All are averaged with weights from blocked cross-validation, in which the latest errors
/// have additional weight: after a regime change, old patterns lose weight. Quantiles come from the errors of that average on
/// held-out blocks of the history. No forecast lies far beyond what was measured, and a load that stands still may stay there.
struct LoadRegression: Sendable, Equatable {
  let units: LoadUnits
  let features: LoadFeatures
  var members: [DirectRegression]
  /// The last member.
  let autoregression: Autoregression
  /// The share of each member in the forecast at each knot, 1 in sum. Different models do best at short and long horizons, so each
  /// knot has its own weights.
  let knotShares: [[Double]]
  /// The horizons at which coefficients are kept, ascending, from 1 to the last step.
  let knots: [Int]
  let spreads: [SpreadModel]
  /// The mean absolute error at held-out blocks over the mean load, for each knot; later rows count more.
  let expectedErrors: [Double]
  /// How many whole seasons the history had.
  let seasonCount: Int
  /// What was chosen of the workload's covariates; nil without any.
  var covariates: CovariateChoice?

  /// About how many rows a fit takes at most.
  private static let rowLimit = 1500
  /// Rows this share of the history old count 1/e.
  private static let memory = 0.3
  /// How strongly a member's smaller error earns it a larger share: over the history, and over its latest rows.
  private static let shareExponents = (all: 8.0, latest: 3.0)
  /// How much a member's error at one knot counts beside its error at all of them.
  private static let knotWeight = 2.0
  /// The share of the rows that are the latest, and how many these are at least.
  private static let latest = (share: 0.05, fewest: 30)
  private static let fewestRows = 40

  /// Fits a load without gaps.
  ///
  /// - Parameters:
  ///   - values: the load in `units`, gaps filled.
  ///   - isPresent: whether a sample was measured; filled ones are not targets.
  ///   - covariates: values of other series at the same steps.
  ///   - step: the length of a step.
  /// - Returns: the fit and the tracker after the last sample; nil when the history is too short to learn from.
  static func fit(
    _ values: [Double], isPresent: [Bool], layout: LoadTracker.Layout, units: LoadUnits, steps: Int,
    covariates: [CovariateReading] = [], step: Duration = .seconds(60)
  ) -> (regression: LoadRegression, tracker: LoadTracker)? {
    let knots = Self.knots(steps: steps)
    let season = layout.season ?? 0
    let first = layout.season == nil ? 8 : values.count >= 4 * season ? 2 * season : season
    guard values.count - first - knots[0] >= fewestRows else { return nil }
    let features = LoadFeatures(layout: layout, lowest: values.min() ?? 0)
    let grid = Self.grid(first..<values.count - 1, dense: layout.week.map { max(first, $0) } ?? first)
    var tracker = LoadTracker(layout: layout, values: values)
    var standings: [LoadTracker.Standing] = []
    standings.reserveCapacity(grid.count)
    for (index, value) in values.enumerated() {
      tracker.absorb(value)
      if standings.count < grid.count, grid[standings.count] == index { standings.append(tracker.standing) }
    }
    let training = knots.compactMap { horizon in
      Training(
        tracker, features, grid: grid, standings: standings, values: values, isPresent: isPresent, horizon: horizon,
        memory: memory * Double(values.count))
    }
    guard training.count == knots.count, training.allSatisfy({ $0.indices.count >= fewestRows / 2 }) else { return nil }
    var held: [[Double]] = []
    var regression = LoadRegression(
      training, tracker, grid: grid, features: features, units: units, knots: knots,
      seasonCount: layout.season.map { values.count / $0 } ?? 0, held: &held)
    if !covariates.isEmpty {
      regression.covariates = CovariateChoice(
        covariates, zip(training, held).map { $0.covariateRows($1) }, season: layout.season, lowest: features.lowest,
        step: step, count: values.count
      ) { index, forecasts in
        let judged = spread(of: forecasts, training[index], features, units)
        return (judged.model, judged.expectedError)
      }
    }
    return (regression, tracker)
  }

  /// The steps to learn from: all of them, or about `rowLimit` of those from `dense` on. They are spread without a period of
  /// their own (by the golden ratio), because an even stride would see only half of a load that alternates.
  private static func grid(_ steps: Range<Int>, dense: Int) -> [Int] {
    let stride = max(1, Double(steps.upperBound - dense) / Double(rowLimit))
    guard stride > 1 else { return Array(steps) }
    var grid: [Int] = []
    var position = Double(steps.lowerBound)
    var turn = 0.0
    while position < Double(steps.upperBound) {
      let step = Int(position + turn * stride)
      if step < steps.upperBound, grid.last != step { grid.append(step) }
      turn = (turn + 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
      position += stride
    }
    return grid
  }

  /// A regression that was fitted before.
  init(
    units: LoadUnits, features: LoadFeatures, members: [DirectRegression], autoregression: Autoregression,
    knotShares: [[Double]], knots: [Int],
    spreads: [SpreadModel], expectedErrors: [Double], seasonCount: Int
  ) {
    self.units = units
    self.features = features
    self.members = members
    self.autoregression = autoregression
    self.knotShares = knotShares
    self.knots = knots
    self.spreads = spreads
    self.expectedErrors = expectedErrors
    self.seasonCount = seasonCount
  }

  private init(
    _ training: [Training], _ tracker: LoadTracker, grid: [Int], features: LoadFeatures, units: LoadUnits, knots: [Int],
    seasonCount: Int, held: inout [[Double]]
  ) {
    self.units = units
    self.features = features
    self.knots = knots
    self.seasonCount = seasonCount
    let plans = Self.plans(features)
    members = plans.map { plan in DirectRegression(plan, knots: training.map { $0.knot(from: plan.firstIndex) }) }
    let autoregression = Autoregression(
      tracker.values, indices: training[0].indices, targets: training[0].targets, weights: training[0].weights)
    self.autoregression = autoregression
    let candidates =
      members.map { Candidate(held: $0.outOfBlock, handicap: $0.plan.handicap) }
      + [Candidate(autoregression, training, tracker, grid: grid)]
    let knotShares = Self.shares(of: candidates, training)
    self.knotShares = knotShares
    var spreads: [SpreadModel] = []
    var expectedErrors: [Double] = []
    for (index, knot) in training.enumerated() {
      let common = candidates.map { $0.held[index].count }.min() ?? 0
      var forecasts = Array(repeating: 0.0, count: common)
      for (member, share) in zip(candidates, knotShares[index]) {
        for (row, value) in member.held[index].suffix(common).enumerated() { forecasts[row] += share * value }
      }
      let judged = Self.spread(of: forecasts, knot, features, units)
      expectedErrors.append(judged.expectedError)
      spreads.append(judged.model)
      held.append(forecasts)
    }
    self.spreads = spreads
    self.expectedErrors = expectedErrors
    for index in members.indices { members[index].dropTraining() }
  }

  /// The spread of the last rows of a knot around their forecasts, and the mean absolute error over the mean load.
  private static func spread(
    of forecasts: [Double], _ knot: Training, _ features: LoadFeatures, _ units: LoadUnits
  ) -> (model: SpreadModel, expectedError: Double) {
    let count = forecasts.count
    let (targets, weights) = (knot.targets.suffix(count), knot.weights.suffix(count))
    let errors = zip(targets, forecasts).map { $0 - $1 }
    let signals = zip(knot.surroundings.suffix(count), forecasts).map { surrounding, forecast in
      SpreadModel.signals(
        forecast: forecast, lowest: features.lowest, volatility: surrounding.volatility,
        timeOfDay: surrounding.timeOfDay)
    }
    return (
      SpreadModel(signals: signals, errors: errors, weights: Array(weights)),
      relativeError(errors, targets, weights, units)
    )
  }

  /// The mean absolute error over the mean load, by row weights; 0 where there is no load.
  private static func relativeError(
    _ errors: [Double], _ targets: ArraySlice<Double>, _ weights: ArraySlice<Double>, _ units: LoadUnits
  ) -> Double {
    let error = zip(errors, weights).reduce(0) { $0 + abs($1.0) * $1.1 } * units.scale
    let load = zip(targets, weights).reduce(0) { $0 + units.load($1.0) * $1.1 }
    return load > 0 && error.isFinite && load.isFinite ? error / load : 0
  }

  /// The mean absolute error to expect `stepsAhead` steps ahead, over the mean load.
  ///
  /// - Parameter covariates: the covariates with which the forecast is made.
  func expectedError(stepsAhead: Int, covariates: CovariateView? = nil) -> Double? {
    let expectedErrors = covariates?.fit.expectedErrors ?? expectedErrors
    let knot = knots.firstIndex { $0 >= stepsAhead } ?? knots.count - 1
    guard knot > 0, knots[knot] > stepsAhead else { return expectedErrors[knot] }
    let share = Double(stepsAhead - knots[knot - 1]) / Double(knots[knot] - knots[knot - 1])
    return expectedErrors[knot] * share + expectedErrors[knot - 1] * (1 - share)
  }

  /// The share of each member in the forecast, over all horizons.
  var shares: [Double] {
    (0...members.count).map { member in knotShares.reduce(0) { $0 + $1[member] } / Double(knotShares.count) }
  }

  /// Each member's share at each knot, from its out-of-sample errors relative to the best member's: at this knot, at all knots, and
  /// recently at all knots.
  private static func shares(of members: [Candidate], _ training: [Training]) -> [[Double]] {
    let all = training.indices.map { relativeLosses(members, training[$0], at: $0, latest: false) }
    let latest = training.indices.map { relativeLosses(members, training[$0], at: $0, latest: true) }
    func mean(_ losses: [[Double]]) -> [Double] {
      members.indices.map { member in losses.reduce(0) { $0 + $1[member] } / Double(losses.count) }
    }
    func merits(_ losses: [Double], _ exponent: Double) -> [Double] {
      let least = losses.min() ?? 1
      return losses.map { power(max(least / $0, 1e-6), exponent) }
    }
    let (usual, recent) = (mean(all), merits(mean(latest), shareExponents.latest))
    return all.map { own in
      let merits = merits(zip(usual, own).map { $0 + knotWeight * $1 }, shareExponents.all)
      let raw = zip(merits, recent).map { $0 * $1 }
      let sum = raw.reduce(0, +)
      return raw.map { $0 / sum }
    }
  }

  /// The loss of each member at a knot over the least.
  private static func relativeLosses(
    _ members: [Candidate], _ knot: Training, at index: Int, latest: Bool
  ) -> [Double] {
    let common = members.map { $0.held[index].count }.min() ?? 0
    let count = latest ? max(min(common, Self.latest.fewest), Int(Double(common) * Self.latest.share)) : common
    let losses = members.map { max(loss($0.held[index].suffix(count), knot), .leastNormalMagnitude) }
    let least = losses.min() ?? 1
    return zip(losses, members).map { min($0 / least, 1e6) * (latest ? 1 : $1.handicap) }
  }

  /// The absolute error of forecasts of the last rows, by row weights.
  private static func loss(_ forecasts: ArraySlice<Double>, _ knot: Training) -> Double {
    let rows = zip(knot.targets.suffix(forecasts.count), knot.weights.suffix(forecasts.count))
    return zip(forecasts, rows).reduce(0) { $0 + $1.1.1 * abs($1.1.0 - $1.0) }
  }

  /// The forecast of the steps after the tracker's last sample, in loads, its quantiles, and what each member says.
  ///
  /// - Parameters:
  ///   - stretch: by how much the quantiles' distance from the median is stretched.
  ///   - covariates: the covariates with which the forecast is made.
  func forecast(
    _ tracker: LoadTracker, steps: Int, quantiles levels: [Double], stretch: Double = 1,
    covariates: CovariateView? = nil
  ) -> (
    values: [Double], quantiles: Quantiles, members: [[Double]]
  ) {
    let levels = levels.sorted()
    var values: [Double] = []
    var parts = (0...members.count).map { _ in [Double]() }
    let range = tracker.standing.range
    let next = autoregression.path(after: tracker.values, at: tracker.count - 1, steps: max(1, steps), within: range)
    var paths = levels.map { _ in [Double]() }
    let spreads = covariates?.fit.spreads ?? spreads
    for horizon in 1...max(1, steps) {
      let knot = knots.firstIndex { $0 >= horizon } ?? knots.count - 1
      let share = knot == 0 ? 1 : min(1, Double(horizon - knots[knot - 1]) / Double(knots[knot] - knots[knot - 1]))
      let row = features.row(tracker, tracker.standing, at: tracker.count - 1, horizon: horizon)
      var value = 0.0
      for index in 0...members.count {
        let part = index < members.count ? members[index].value(row, knot: knot, share: share) : next[horizon - 1]
        let here = knotShares[knot][index] * share + knotShares[max(0, knot - 1)][index] * (1 - share)
        value += here * part
        parts[index].append(units.load(part))
      }
      if let covariates {
        let own = value
        value = covariates.value(own, levels: tracker.standing.levels, horizon: horizon, knot: knot, share: share)
        // It may tell of a load that was never measured.
        value = range.limited(value, level: 1)
      } else {
        value = range.limited(value)
      }
      let signals = SpreadModel.signals(
        forecast: value, lowest: features.lowest, volatility: tracker.standing.volatility,
        timeOfDay: features.volatility(tracker, at: tracker.count - 1, horizon: horizon))
      let (upper, lower) = (spreads[knot], spreads[max(0, knot - 1)])
      let (upperScale, lowerScale) = (upper.scale(signals), lower.scale(signals))
      let middle = value
      func quantile(_ level: Double) -> Double {
        let distance = upperScale * upper.quantile(level) * share + lowerScale * lower.quantile(level) * (1 - share)
        return range.limited(middle + stretch * distance, level: level)
      }
      let still = tracker.standing.standstill
      // What covariates say of the next steps counts more than how long the load has stood still.
      let standing = covariates == nil ? still.probability(ahead: horizon) : nil
      let mixture = standing.map { Standstill.Mixture(still, probability: $0, of: quantile) }
      values.append(units.load(mixture?.quantile(0.5, of: quantile) ?? value))
      for (index, level) in levels.enumerated() {
        let previous = index > 0 ? paths[index - 1][horizon - 1] : 0
        paths[index].append(max(previous, units.load(mixture?.quantile(level, of: quantile) ?? quantile(level))))
      }
    }
    return (values, Quantiles(zip(levels, paths).map { Quantiles.Path(level: $0, values: $1) }), parts)
  }

  /// Horizons that grow by three quarters each, so that near steps are told apart and far ones share.
  private static func knots(steps: Int) -> [Int] {
    var knots = [1]
    while let last = knots.last, last < steps { knots.append(min(steps, max(last + 1, last * 7 / 4))) }
    return knots
  }

  static func plans(_ features: LoadFeatures) -> [DirectRegression.Plan] {
    let columns = features.columns
    guard let profile = columns.profile, let season = features.layout.season else {
      let all = Array(0..<columns.count)
      let constant = DirectRegression.Start(kind: .constant, sum: [], correctedBy: [])
      let level = DirectRegression.Start(kind: .level, sum: [1], correctedBy: [])
      return [DirectRegression.Plan(columns: all, starts: [constant, level], firstIndex: 0)]
    }
    let robust = DirectRegression.Plan(
      columns: [columns.medians[1]] + Array(columns.medianDeviations[1]),
      starts: [
        DirectRegression.Start(
          kind: .median(seasons: LoadTracker.medianDays[1]), sum: [0], correctedBy: [1, 2, 4])
      ], firstIndex: 0)
    let steady = DirectRegression.Plan(
      columns: Array(columns.levels),
      starts: [DirectRegression.Start(kind: .level, sum: [0], correctedBy: Array(columns.levels.indices))],
      firstIndex: 0, handicap: 1.25)
    var again = DirectRegression.Plan(
      columns: [profile, columns.yesterday.lowerBound],
      starts: [DirectRegression.Start(kind: .lastSeason, sum: [0, 1], correctedBy: [])], firstIndex: 0)
    if features.layout.week != nil {
      again.columns.append(columns.lastWeek.lowerBound)
      again.starts.append(DirectRegression.Start(kind: .lastWeek, sum: [0, 2], correctedBy: []))
      again.firstIndex = 7 * season
    }
    return [robust, steady, again]
      + columns.medians.indices.map { kind in
        let usesWeek = kind == 0 && features.layout.week != nil
        let deviations = columns.medianDeviations[kind]
        var chosen = Array(columns.levels) + [profile, columns.medians[kind]] + Array(columns.profileDeviations)
        chosen += Array(deviations) + Array(columns.yesterday) + Array(columns.short)
        if usesWeek { chosen += Array(columns.lastWeek) + Array(columns.weekDeviations) }
        func position(_ column: Int) -> Int { chosen.firstIndex(of: column) ?? 0 }
        let byProfile = [0, 2, 4].map { position(columns.profileDeviations.lowerBound + $0) }
        let byMedian = [0, 1, 3].map { position(deviations.lowerBound + $0) }
        let byProfileStart = DirectRegression.Start(
          kind: .profile, sum: [position(profile)], correctedBy: byProfile)
        var starts = [
          DirectRegression.Start(kind: .constant, sum: [], correctedBy: []),
          DirectRegression.Start(
            kind: .median(seasons: LoadTracker.medianDays[kind]),
            sum: [position(columns.medians[kind])],
            correctedBy: byMedian),
        ]
        if kind == 0 { starts.append(byProfileStart) }
        if usesWeek {
          starts.append(
            DirectRegression.Start(
              kind: .lastWeek, sum: [position(profile), position(columns.lastWeek.lowerBound)],
              correctedBy: columns.weekDeviations.map(position)))
        }
        return DirectRegression.Plan(columns: chosen, starts: starts, firstIndex: usesWeek ? 7 * season : 0)
      }
  }
}

/// What can be a part of the forecast: its values at the rows of each knot, out of sample, and the factor on its errors.
private struct Candidate {
  let held: [[Double]]
  let handicap: Double

  /// Its rows are those that it was fitted to, and it misses the time at which the load rises.
  private static let autoregressionHandicap = 1.1

  init(held: [[Double]], handicap: Double) {
    (self.held, self.handicap) = (held, handicap)
  }

  /// The autoregression from each row; few coefficients for many rows, so the rows that it was fitted to will do.
  init(_ autoregression: Autoregression, _ training: [Training], _ tracker: LoadTracker, grid: [Int]) {
    let steps = training.map(\.horizon)
    var held = training.map { _ in [Double]() }
    var next = Array(repeating: 0, count: training.count)
    for index in grid {
      let path = autoregression.path(
        after: tracker.values, at: index, steps: steps.last ?? 1, within: tracker.standing.range)
      for (knot, horizon) in steps.enumerated() {
        // The rows of a knot are those after which a sample was measured.
        while next[knot] < training[knot].indices.count, training[knot].indices[next[knot]] < index { next[knot] += 1 }
        guard next[knot] < training[knot].indices.count, training[knot].indices[next[knot]] == index else { continue }
        held[knot].append(path[horizon - 1])
        next[knot] += 1
      }
    }
    self.held = held
    handicap = Self.autoregressionHandicap
  }
}

/// The rows of one knot.
private struct Training {
  struct Surrounding {
    var volatility: [Double]
    var timeOfDay: Double?
  }

  let horizon: Int
  private(set) var indices: [Int] = []
  /// The features, one array a feature; in single precision, because they are most of what a fit needs memory for.
  private(set) var columns: [[Float]]
  private(set) var targets: [Double] = []
  private(set) var weights: [Double] = []
  private(set) var surroundings: [Surrounding] = []

  init?(
    _ tracker: LoadTracker, _ features: LoadFeatures, grid: [Int], standings: [LoadTracker.Standing], values: [Double],
    isPresent: [Bool], horizon: Int, memory: Double
  ) {
    self.horizon = horizon
    columns = Array(repeating: [], count: features.columns.count)
    for column in columns.indices { columns[column].reserveCapacity(grid.count) }
    for (index, standing) in zip(grid, standings) where index + horizon < values.count && isPresent[index + horizon] {
      indices.append(index)
      for (column, value) in features.row(tracker, standing, at: index, horizon: horizon).enumerated() {
        columns[column].append(Float(value))
      }
      targets.append(values[index + horizon])
      weights.append(exponential(Double(index - values.count) / memory))
      surroundings.append(
        Surrounding(
          volatility: standing.volatility, timeOfDay: features.volatility(tracker, at: index, horizon: horizon)))
    }
    guard !indices.isEmpty else { return nil }
    let mean = weights.reduce(0, +) / Double(weights.count)
    for index in weights.indices { weights[index] /= mean }
  }

  /// The last rows, with the forecasts that were made of them.
  func covariateRows(_ forecasts: [Double]) -> CovariateRows {
    let count = forecasts.count
    return CovariateRows(
      horizon: horizon, indices: indices.suffix(count), forecasts: forecasts, targets: targets.suffix(count),
      weights: weights.suffix(count),
      own: [forecasts.map { Float($0) }] + [0, 2, 3].map { Array(columns[$0].suffix(count)) })
  }

  /// The rows from step `first` on.
  func knot(from first: Int) -> DirectRegression.Knot {
    let start = indices.firstIndex { $0 >= first } ?? 0
    return DirectRegression.Knot(
      horizon: horizon, columns: columns, firstRow: start, targets: Array(targets[start...]),
      weights: Array(weights[start...]))
  }
}

extension LoadTracker {
  /// A tracker without samples, with bounds from the load that it will process.
  init(layout: Layout, values: [Double]) {
    guard let season = layout.season, values.count > season else {
      self.init(
        layout: layout, outlierBound: .greatestFiniteMagnitude, volatilityBound: .greatestFiniteMagnitude,
        remembering: values.count)
      return
    }
    var free = LoadTracker(
      layout: Layout(season: season, shortSeason: nil, week: nil), outlierBound: .greatestFiniteMagnitude,
      volatilityBound: .greatestFiniteMagnitude, remembering: values.count)
    var deviations: [Double] = []
    var moves: [Double] = []
    deviations.reserveCapacity(values.count)
    moves.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      free.absorb(value)
      if index >= season { deviations.append(abs(value - free.profile[index - season])) }
      moves.append(abs(value - free.standing.levels[2]))
    }
    deviations.sort()
    moves.sort()
    self.init(
      layout: layout, outlierBound: max(1e-9, OrderStatistics.quantile(0.99, ofSorted: deviations)),
      volatilityBound: OrderStatistics.quantile(0.995, ofSorted: moves), remembering: values.count)
  }
}
