import KedastralCore

/// The load of each local day, in parts of a quarter of an hour or a step: the mean of its samples, NaN without one.
struct LocalDayTable {
  /// How days are divided.
  struct Grid: Sendable, Equatable {
    /// The length of a part in seconds.
    let part: Int
    let partsPerDay: Int

    /// The parts for a step; nil for steps that do not divide a day into at least four.
    init?(step: Duration) {
      let seconds = step.inSeconds
      guard seconds >= 1, seconds == seconds.rounded(), 86_400 % Int(seconds) == 0, seconds <= 21_600 else {
        return nil
      }
      part = max(900, Int(seconds))
      guard 86_400 % part == 0 else { return nil }
      partsPerDay = 86_400 / part
    }
  }

  let grid: Grid
  private var days: [CivilDate: [Double]] = [:]
  /// The share of a day's parts with a load from which it counts.
  private static let completeShare = 0.8
  /// How many days a usual day is the median of.
  private static let mostDays = 4
  /// How much more a Sunday differs from working days than these differ from each other, in a load with a weekly pattern.
  private static let distinction = (ratio: 2.0, share: 0.05)

  /// - Parameter isOrdinary: whether a sample, by its index, is outside of all events.
  init(_ history: TimeSeries, upTo count: Int, grid: Grid, clock: LocalSteps, isOrdinary: [Bool]) {
    self.grid = grid
    var sums: [CivilDate: ([Double], [Double])] = [:]
    var (day, sum, number) = (CivilDate(number: .min), [Double](), [Double]())
    for index in 0..<count where isOrdinary[index] && history.values[index].isFinite {
      let local = clock.local(at: index)
      let own = CivilDate(number: LocalTimeline.day(local))
      if own != day {
        if !sum.isEmpty { sums[day] = (sum, number) }
        let empty = Array(repeating: 0.0, count: grid.partsPerDay)
        (sum, number) = sums[own] ?? (empty, empty)
        day = own
      }
      let part = (local - own.number * 86_400) / grid.part
      sum[part] += history.values[index]
      number[part] += 1
    }
    if !sum.isEmpty { sums[day] = (sum, number) }
    days = sums.mapValues { zip($0.0, $0.1).map { $0.1 > 0 ? $0.0 / $0.1 : .nan } }
  }

  /// The days before `day` that have nearly all their parts, the latest first.
  private func complete(before day: CivilDate, where isWanted: (CivilDate.Weekday) -> Bool) -> [[Double]] {
    let wanted = days.keys.filter { $0 < day && isWanted($0.weekday) }.sorted(by: >)
    return wanted.compactMap { days[$0] }.filter {
      Double($0.count(where: \.isFinite)) >= Self.completeShare * Double(grid.partsPerDay)
    }
  }

  private static func isWorkingDay(_ weekday: CivilDate.Weekday) -> Bool { weekday != .saturday && weekday != .sunday }

  /// What a day's load usually is, by the days before `known`: those of the same weekday, or other working days; nil without any.
  func usual(_ day: CivilDate, before known: CivilDate) -> [Double]? {
    let same = complete(before: known) { $0 == day.weekday }
    guard Self.isWorkingDay(day.weekday), same.count < 2 else { return Self.median(same) }
    return Self.median(same.prefix(1) + complete(before: known, where: Self.isWorkingDay).prefix(5))
  }

  /// What a Sunday's load usually is; nil when it does not differ from that of working days.
  func sunday(before known: CivilDate) -> [Double]? {
    let working = Array(complete(before: known, where: Self.isWorkingDay).prefix(10))
    let sundays = complete(before: known) { $0 == .sunday }
    guard working.count >= 3, let sunday = Self.median(sundays), let usual = Self.median(working, most: 10) else {
      return nil
    }
    let among = working.reduce(0) { $0 + Self.distance($1, usual) } / Double(working.count)
    let apart = Self.distance(sunday, usual)
    let level = Self.distance(usual, usual.map { _ in 0 })
    return apart > Self.distinction.ratio * among && apart > Self.distinction.share * level ? sunday : nil
  }

  private static func median(_ days: some Collection<[Double]>, most: Int = mostDays) -> [Double]? {
    let days = days.prefix(most)
    guard let first = days.first else { return nil }
    return first.indices.map { part in OrderStatistics.median(days.map { $0[part] }.filter(\.isFinite)) ?? .nan }
  }

  private static func distance(_ one: [Double], _ other: [Double]) -> Double {
    let distances = zip(one, other).map { abs($0 - $1) }.filter(\.isFinite)
    return distances.isEmpty ? 0 : distances.reduce(0, +) / Double(distances.count)
  }

  /// A load divided by another one, part by part, both smoothed over their neighbours; NaN where one is missing.
  static func ratio(of load: [Double], to usual: [Double]) -> [Double] {
    let present = usual.filter(\.isFinite)
    guard !present.isEmpty else { return usual.map { _ in .nan } }
    // A load that is almost zero at some times must not decide.
    let least = 0.01 * present.reduce(0, +) / Double(present.count)
    guard least > 0 else { return usual.map { _ in 1 } }
    return zip(smoothed(load), smoothed(usual)).map { load, usual in
      min(max((load + least) / (usual + least), CalendarEffects.bounds.lowerBound), CalendarEffects.bounds.upperBound)
    }
  }

  private static func smoothed(_ parts: [Double]) -> [Double] {
    parts.indices.map { part in
      guard parts[part].isFinite else { return .nan }
      var (sum, weight) = (2 * parts[part], 2.0)
      for other in [part - 1, part + 1] where parts.indices.contains(other) && parts[other].isFinite {
        sum += parts[other]
        weight += 1
      }
      return sum / weight
    }
  }
}

/// The local time of each step of a history and of the forecast behind it.
struct LocalSteps {
  private let start: Double
  private let step: Double
  private let offsets: [Int]
  private let stride: Int

  init(_ history: TimeSeries, steps: Int, zone: TimeZoneRules) {
    step = history.step.inSeconds
    // The middle of a step belongs to the day that it is in; its end may be midnight.
    start = history.start.timeIntervalSince1970 - step / 2
    // Offsets change on the quarter hour at most.
    stride = max(1, Int(900 / step))
    var offsets: [Int] = []
    for index in Swift.stride(from: 0, to: history.count + steps, by: stride) {
      offsets.append(zone.offsetSeconds(at: history.instant(at: index)))
    }
    self.offsets = offsets
  }

  /// The middle of a step, in seconds since 1970.
  func instant(at index: Int) -> Double { start + Double(index) * step }

  /// The same by the local clock.
  func local(at index: Int) -> Int { Int(instant(at: index).rounded(.down)) + offsets[index / stride] }

  /// The steps whose middle lies in a range of instants, within `all`.
  func indices(in span: Range<Int>, of all: Range<Int>) -> Range<Int> {
    func first(_ bound: Int) -> Int {
      let place = ((Double(bound) - start) / step).rounded(.up)
      return Int(min(max(place, Double(all.lowerBound)), Double(all.upperBound)))
    }
    return first(span.lowerBound)..<max(first(span.lowerBound), first(span.upperBound))
  }
}
