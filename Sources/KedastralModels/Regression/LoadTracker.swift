import KedastralCore

/// The state of a load at each step, updated in constant time per sample: levels, seasonal profiles, and the load's
/// deviation from them.
///
/// Values are in units of the fit (see LoadUnits) and without gaps. Everything at a step uses samples up to that step alone.
struct LoadTracker: Sendable {
  /// The lengths that a tracker works with.
  struct Layout: Sendable, Equatable {
    /// The season in steps: the day where the history is long enough, else the longest detected; nil when there is none.
    var season: Int?
    /// A shorter season beside it.
    var shortSeason: Int?
    /// How many samples must be there until the same time last week is used; nil when the history is too short for it.
    var week: Int?
  }

  /// The state of the load at one step.
  struct Standing: Sendable, Equatable {
    /// Exponentially weighted levels, of spans from one sample to 72.
    var levels: [Double]
    /// The same of the difference from yesterday's profile.
    var profileDeviations: [Double]
    /// The same of the difference from the median of the last days, for each count of days.
    var medianDeviations: [[Double]]
    /// The same of the difference from last week.
    var weekDeviations: [Double]
    /// The level of the profile itself.
    var profileLevel: Double
    /// How much the load moves around its level: recently, and over half a season.
    var volatility: [Double]
    /// How long the load has stood still.
    var standstill = Standstill()
    /// The lowest and highest sample.
    var range = LoadRange()
  }

  static let levelSpans: [Double] = [1, 3, 8, 24, 72]
  static let medianSpans: [Double] = [1, 8, 24, 72]
  static let weekSpans: [Double] = [8, 72]
  static let medianDays = [5, 10]
  private static let profileGain = 0.15

  let layout: Layout
  /// The largest difference from the profile that the profile learns from at once: a lone outlier does not come back.
  let outlierBound: Double
  /// The largest move that counts as volatility of the time of day.
  let volatilityBound: Double
  /// The samples.
  private(set) var values: LoadTrail
  /// The exponentially weighted mean of the same time of all days so far.
  private(set) var profile: Trail
  /// The median of the same time of the last days, for each count of days.
  private(set) var medians: [Trail]
  /// The profile of the volatility.
  private(set) var volatilityProfile: Trail
  /// The profile of the shorter season.
  private(set) var shortProfile: Trail
  /// The state after the last sample.
  private(set) var standing: Standing
  /// Whether old samples are packed; a fit reads all of them many times.
  private var isPacked: Bool

  /// The index of the next sample.
  var count: Int { values.endIndex }

  /// A tracker without samples.
  ///
  /// - Parameter history: how many samples to remember; nil for as many as forecasts look at.
  init(layout: Layout, outlierBound: Double, volatilityBound: Double, remembering history: Int? = nil) {
    self.layout = layout
    self.outlierBound = outlierBound
    self.volatilityBound = volatilityBound
    let reach = Reach(layout)
    isPacked = history == nil
    values = LoadTrail(capacity: history ?? reach.values)
    let season = Trail(capacity: layout.season == nil ? 1 : history ?? reach.season)
    (profile, volatilityProfile) = (season, season)
    medians = Array(repeating: season, count: Self.medianDays.count)
    shortProfile = Trail(capacity: layout.shortSeason == nil ? 1 : history ?? reach.short)
    standing = Standing(
      levels: Array(repeating: 0, count: Self.levelSpans.count),
      profileDeviations: Array(repeating: 0, count: Self.levelSpans.count),
      medianDeviations: Array(
        repeating: Array(repeating: 0, count: Self.medianSpans.count), count: Self.medianDays.count),
      weekDeviations: Array(repeating: 0, count: Self.weekSpans.count), profileLevel: 0, volatility: [0, 0])
  }

  /// Adds the next sample.
  mutating func absorb(_ value: Double) {
    look(at: value)
    if isPacked { pack() }
  }

  /// Adds a sample that may be removed again.
  private mutating func look(at value: Double) {
    let index = count
    values.append(value)
    standing.standstill.absorb(value)
    standing.range.absorb(value)
    smooth(&standing.levels, Self.levelSpans, toward: value, isFirst: index == 0)
    let move = abs(value - standing.levels[2])
    smooth(&standing.volatility, [8, Double(layout.season ?? 144) / 2], toward: move, isFirst: index == 0)
    if let season = layout.season { absorbSeason(season, value, move: move, at: index) }
    if let short = layout.shortSeason {
      let gain = max(Self.profileGain, 1 / Double(index / short + 1))
      shortProfile.append(
        Self.learned(shortProfile, value, lag: short, at: index, gain: gain, bound: .greatestFiniteMagnitude))
    }
  }

  private mutating func absorbSeason(_ season: Int, _ value: Double, move: Double, at index: Int) {
    let gain = max(Self.profileGain, 1 / Double(index / season + 1))
    let isFirst = index == season
    let before = index - season
    if before >= 0 {
      let deviation = value - profile[before]
      smooth(&standing.profileDeviations, Self.levelSpans, toward: deviation, isFirst: isFirst)
      smooth(&standing.profileLevel, Self.levelSpans[2], toward: profile[before], isFirst: isFirst)
      for kind in medians.indices {
        smooth(
          &standing.medianDeviations[kind], Self.medianSpans, toward: value - medians[kind][before], isFirst: isFirst)
      }
      if layout.week != nil {
        let lastWeek = index - 7 * season
        smooth(
          &standing.weekDeviations, Self.weekSpans, toward: lastWeek >= 0 ? value - values[lastWeek] : deviation,
          isFirst: isFirst)
      }
    }
    profile.append(Self.learned(profile, value, lag: season, at: index, gain: gain, bound: outlierBound))
    volatilityProfile.append(
      Self.learned(
        volatilityProfile, min(move, volatilityBound), lag: season, at: index, gain: gain,
        bound: .greatestFiniteMagnitude))
    appendMedians(season, at: index)
  }

  private mutating func appendMedians(_ season: Int, at index: Int) {
    var sorted = InlineSorted()
    var source = index
    var kind = 0
    while kind < medians.count {
      if source >= values.startIndex, sorted.count < Self.medianDays[kind] {
        sorted.insert(values[source])
        source -= season
      } else {
        medians[kind].append(sorted.median)
        kind += 1
      }
    }
  }

  private static func learned(
    _ profile: Trail, _ value: Double, lag: Int, at index: Int, gain: Double, bound: Double
  ) -> Double {
    guard index >= lag else { return value }
    let before = profile[index - lag]
    return before + gain * min(max(value - before, -bound), bound)
  }

  private func smooth(_ state: inout [Double], _ spans: [Double], toward value: Double, isFirst: Bool) {
    for index in state.indices { smooth(&state[index], spans[index], toward: value, isFirst: isFirst) }
  }

  private func smooth(_ state: inout Double, _ span: Double, toward value: Double, isFirst: Bool) {
    state = isFirst ? value : state + 2 / (span + 1) * (value - state)
  }

  /// Shows `body` the tracker as it is after more samples, and forgets these again.
  ///
  /// - Parameters:
  ///   - values: at most ``HistoryChange/mostUnsettled`` samples.
  ///   - read: a sample in units of the fit, or what stands in for a missing one.
  mutating func looking<Result>(
    beyond values: ArraySlice<Double>, read: (LoadTracker, Double) -> Double, _ body: (LoadTracker) -> Result
  ) -> Result {
    let (end, standing) = (count, standing)
    for value in values { look(at: read(self, value)) }
    defer {
      self.standing = standing
      self.values.rewind(to: end)
      rewind(&profile, by: values.count)
      rewind(&volatilityProfile, by: values.count)
      rewind(&shortProfile, by: values.count)
      for kind in medians.indices { rewind(&medians[kind], by: values.count) }
    }
    return body(self)
  }

  /// A trail that this layout does not use has no steps.
  private func rewind(_ trail: inout Trail, by count: Int) {
    if trail.endIndex >= count { trail.rewind(to: trail.endIndex - count) }
  }

  /// Whether so many samples are missing that the history should be processed again and kept.
  var isSparse: Bool { values.isSparse }

  /// Lends the history for a forecast; see ``LoadTrail/lend(_:from:)``.
  mutating func lend(_ history: [Double], from start: Int) -> Bool { values.lend(history, from: start) }

  /// Gives back the history that was lent; see ``LoadTrail/giveBack(margin:)``.
  mutating func giveBack(margin: Int) { values.giveBack(margin: margin) }

  /// Forgets all samples but those that forecasts look at, and reads most of these from the histories that will be lent.
  ///
  /// - Parameters:
  ///   - history: the load that was processed, which is lent.
  ///   - start: the step at which the histories begin that will be lent.
  mutating func forgetHistory(sharing history: [Double], from start: Int = 0, units: LoadUnits) {
    forgetHistory()
    values.share(history, from: start, units: units)
  }

  /// Forgets all samples but those that forecasts look at, and keeps it so.
  mutating func forgetHistory() {
    let reach = Reach(layout)
    values = values.resized(to: reach.values)
    if layout.season != nil {
      profile = profile.resized(to: reach.season)
      volatilityProfile = volatilityProfile.resized(to: reach.season)
      medians = medians.map { $0.resized(to: reach.season) }
      if layout.shortSeason != nil { shortProfile = shortProfile.resized(to: reach.short) }
    }
    isPacked = true
    pack()
  }

  private mutating func pack() {
    values.pack()
    profile.pack()
    volatilityProfile.pack()
    shortProfile.pack()
    for kind in medians.indices { medians[kind].pack() }
  }

  /// How many steps back forecasts look.
  private struct Reach {
    /// At the samples.
    let values: Int
    /// At the profiles and medians of the season: the last one, and around its first step.
    let season: Int
    /// At the profile of the shorter season.
    let short: Int

    init(_ layout: Layout) {
      let days = max(medianDays.max() ?? 1, layout.week == nil ? 1 : 8)
      season = (layout.season ?? 0) + LoadFeatures.radius(ofVolatility: layout.season ?? 0) + 1
      short = (layout.shortSeason ?? 0) + 1
      values = max(
        (layout.season ?? 0) * (days - 1) + LoadFeatures.radius(ofLoad: layout.season ?? 0) + 1, short,
        Autoregression.mostLags)
    }
  }
}

/// A few numbers in ascending order, without memory of its own on the heap.
private struct InlineSorted {
  private var storage = SIMD16<Double>(repeating: 0)
  private(set) var count = 0

  mutating func insert(_ value: Double) {
    guard count < 16 else { return }
    var index = count
    while index > 0, storage[index - 1] > value {
      storage[index] = storage[index - 1]
      index -= 1
    }
    storage[index] = value
    count += 1
  }

  var median: Double {
    guard count > 0 else { return 0 }
    return (storage[(count - 1) / 2] + storage[count / 2]) / 2
  }
}
