import KedastralCore

/// The inputs of a regression for one step: current levels, the same time of earlier days, and the load's deviation
/// from them.
struct LoadFeatures: Sendable, Equatable {
  /// Where a group of features lies in a row.
  struct Columns: Sendable, Equatable {
    var levels: Range<Int> = 0..<0
    var profile: Int?
    var medians: [Int] = []
    var profileDeviations: Range<Int> = 0..<0
    var medianDeviations: [Range<Int>] = []
    var yesterday: Range<Int> = 0..<0
    var short: Range<Int> = 0..<0
    var lastWeek: Range<Int> = 0..<0
    var weekDeviations: Range<Int> = 0..<0
    var count = 0
  }

  let layout: LoadTracker.Layout
  let columns: Columns
  /// The lowest load of the fit, from which ratios count.
  let lowest: Double

  init(layout: LoadTracker.Layout, lowest: Double) {
    self.layout = layout
    self.lowest = lowest
    var columns = Columns()
    func next(_ count: Int) -> Range<Int> {
      defer { columns.count += count }
      return columns.count..<columns.count + count
    }
    columns.levels = next(LoadTracker.levelSpans.count)
    if layout.season != nil {
      columns.profile = next(1).lowerBound
      columns.medians = LoadTracker.medianDays.map { _ in next(1).lowerBound }
      columns.profileDeviations = next(LoadTracker.levelSpans.count)
      columns.medianDeviations = LoadTracker.medianDays.map { _ in next(LoadTracker.medianSpans.count) }
      columns.yesterday = next(3)
    }
    if layout.shortSeason != nil { columns.short = next(2) }
    if layout.week != nil {
      columns.lastWeek = next(2)
      columns.weekDeviations = next(LoadTracker.weekSpans.count)
    }
    self.columns = columns
  }

  /// The features of the step `horizon` after step `index`, of which `standing` tells.
  func row(_ tracker: LoadTracker, _ standing: LoadTracker.Standing, at index: Int, horizon: Int) -> [Double] {
    var row = standing.levels
    row.reserveCapacity(columns.count)
    if let season = layout.season {
      let source = Self.known(index + horizon, lag: season, season: season, now: index)
      let profile = source >= 0 ? tracker.profile[source] : standing.levels[4]
      row.append(profile)
      for median in tracker.medians { row.append(source >= 0 ? median[source] : profile) }
      row += standing.profileDeviations
      for deviations in standing.medianDeviations { row += deviations }
      let radius = Self.radius(ofLoad: season)
      let bound = tracker.outlierBound
      row.append(source >= 0 ? min(max(tracker.values[source] - profile, -bound), bound) : 0)
      row.append(Self.mean(tracker.values, around: source, radius: radius, now: index).map { $0 - profile } ?? 0)
      let ratio = (max(0, standing.levels[2] - lowest) + 0.05) / (max(0, standing.profileLevel - lowest) + 0.05)
      row.append((profile - lowest) * (min(max(ratio, 1 / 3), 3) - 1))
      appendShort(&row, tracker, at: index, horizon: horizon)
      if layout.week != nil {
        let lastWeek = Self.known(index + horizon, lag: 7 * season, season: season, now: index)
        row.append(lastWeek >= 0 ? min(max(tracker.values[lastWeek] - profile, -bound), bound) : 0)
        row.append(Self.mean(tracker.values, around: lastWeek, radius: radius, now: index).map { $0 - profile } ?? 0)
        row += standing.weekDeviations
      }
    } else {
      appendShort(&row, tracker, at: index, horizon: horizon)
    }
    return row
  }

  private func appendShort(_ row: inout [Double], _ tracker: LoadTracker, at index: Int, horizon: Int) {
    guard let short = layout.shortSeason else { return }
    let source = Self.known(index + horizon, lag: short, season: short, now: index)
    row.append(source >= 0 ? tracker.shortProfile[source] : 0)
    row.append(source >= 0 ? tracker.values[source] - tracker.shortProfile[source] : 0)
  }

  /// How volatile the load is at the time of day of the step `horizon` after `index`, by the days before; nil without a season.
  func volatility(_ tracker: LoadTracker, at index: Int, horizon: Int) -> Double? {
    guard let season = layout.season else { return nil }
    let source = Self.known(index + horizon, lag: season, season: season, now: index)
    return Self.mean(
      tracker.volatilityProfile, around: source, radius: Self.radius(ofVolatility: season), now: index)
  }

  /// How many steps around the same time of another day are averaged.
  static func radius(ofLoad season: Int) -> Int { max(1, season / 96) }

  /// The same for volatility, which is noisier.
  static func radius(ofVolatility season: Int) -> Int { max(1, season / 48) }

  /// The step `lag` before `target`, or as many whole seasons earlier as it takes to be known at `now`.
  private static func known(_ target: Int, lag: Int, season: Int, now: Int) -> Int {
    var source = target - lag
    while source > now { source -= season }
    return source
  }

  /// The mean of the values within `radius` of step `index` that are known at `now`; nil when there are none.
  private static func mean(_ values: some StepNumbers, around index: Int, radius: Int, now: Int) -> Double? {
    let (low, high) = (max(values.startIndex, index - radius), min(now, index + radius))
    guard index >= 0, low <= high else { return nil }
    return values.sum(low..<high + 1) / Double(high - low + 1)
  }
}
