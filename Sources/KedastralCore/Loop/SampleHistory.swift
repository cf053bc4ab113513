#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The samples of one metric, the newest of which are provisional: they are read again until they are settled.
///
///     var samples = SampleHistory(step: .seconds(60), windowSteps: 11_520, settleTime: .seconds(300))
///     samples.add(try await source.read(in: samples.range(upTo: end), step: step), upTo: end)
///     samples.series                     // the window, up to `end`
///     samples.takeChange()               // for the model session
/// A sample is settled once a complete response `settleTime` after its instant has confirmed it. While the source does not
/// respond, or responds incompletely, nothing is settled.
///
/// Some sources correct their newest samples regularly: a rate over the last minute misses the next scrape. The mean correction
/// is measured for each age, and a model does not see samples of an age at which corrections are large.
struct SampleHistory: Sendable {
  /// How far the sums of an incomplete and a complete answer can differ when the same load is in both.
  private static let partialTolerance = 0.02

  private let step: Duration
  private let windowSteps: Int
  private let settleSteps: Int
  /// The samples up to the last `end`, NaN where one is missing; empty before the first answer.
  private var packed: PackedSeries
  /// The instant of the first sample of an incomplete answer that no complete answer has replaced.
  private(set) var partialFrom: Date?
  /// The last settled instant; nil before the first complete answer.
  private(set) var settledEnd: Date?
  /// The first settled sample that answers have changed since it was last taken.
  private var settledChange: Date?
  private var wasPartial = false
  /// Whether incomplete answers agreed with complete ones where both are known: then what is missing is not of this load.
  private var isPartialUsable = true
  private var corrections: CorrectionRecord
  /// The last instant that was settled when the session saw the history, and what happened to the samples before it since.
  private var seen: (end: Date, change: HistoryChange.Kind)?

  /// Creates an empty history.
  ///
  /// - Parameter settleTime: how long after its instant a sample can change.
  init(step: Duration, windowSteps: Int, settleTime: Duration) {
    self.step = step
    self.windowSteps = windowSteps
    settleSteps = max(0, settleTime.steps(of: step))
    packed = PackedSeries(step: step)
    corrections = CorrectionRecord(ages: min(settleSteps, CorrectionRecord.mostAges))
  }

  /// The samples up to the last `end`; each call unpacks them.
  var series: TimeSeries { packed.series }

  /// Whether there is no sample yet.
  var isEmpty: Bool { packed.isEmpty }

  /// At most the last `count` samples.
  func suffix(_ count: Int) -> TimeSeries { packed.suffix(count) }

  /// The samples from an instant on; none when it is nil.
  func suffix(from instant: Date?) -> TimeSeries {
    packed.suffix(instant.map { packed.count - max(0, packed.index(nearest: $0)) } ?? 0)
  }

  /// When the newest sample was measured; nil when there is none.
  var newestSampleAt: Date? { packed.lastPresentIndex.map(packed.instant) }

  /// How many steps ago the newest sample was measured; nil when there is none.
  var silentSteps: Int? { packed.lastPresentIndex.map { packed.count - 1 - $0 } }

  /// How many samples at the end can still change.
  var unsettledCount: Int {
    let unsettled = settledEnd.map { packed.count - 1 - packed.index(nearest: $0) } ?? packed.count
    return min(max(0, unsettled), HistoryChange.mostUnsettled, max(0, packed.count - 1))
  }

  // MARK: Reading

  /// What to read next: the samples that are not settled. While the source answers incompletely, only the newest of them.
  func range(upTo end: Date) -> Range<Date> { start(upTo: end, isShort: wasPartial)..<(end + step / 2) }

  private func start(upTo end: Date, isShort: Bool) -> Date {
    let windowStart = end - step * (windowSteps - 1)
    guard let present = packed.lastPresentIndex else { return windowStart }
    let unsettled = isShort ? end - step * max(0, settleSteps - 1) : settledEnd.map { $0 + step } ?? windowStart
    return max(windowStart, min(packed.instant(at: present + 1), unsettled, end))
  }

  /// Adds an answer for the range that was to be read.
  mutating func add(_ reading: MetricReading, upTo end: Date) {
    packed.dropSamples(after: end)
    wasPartial = reading.partialFrom != nil
    var answer = reading.series
    noteSettledChange(answer)
    if let from = reading.partialFrom {
      keepComplete(&answer, from: from)
    } else if answer.start <= start(upTo: end, isShort: false) + step / 2 {
      // All that was not settled has been answered.
      settledEnd = end - step * settleSteps
      partialFrom = nil
    }
    noteChanges(answer)
    packed.merge(answer)
    extend(upTo: end)
    if !wasPartial { corrections.note(packed, settleSteps: settleSteps) }
  }

  /// Extends the history without a response.
  mutating func extend(upTo end: Date) {
    guard !packed.isEmpty else { return }
    packed.dropSamples(after: end)
    packed.extend(to: end)
    packed.keepLast(windowSteps)
    packed.dropLeadingMissing()
    partialFrom = partialFrom.map { max($0, packed.start) }
  }

  /// Removes from an incomplete answer what is known from a complete one; where both are there, they tell whether the part that
  /// is missing matters.
  private mutating func keepComplete(_ answer: inout TimeSeries, from: Date) {
    var (known, answered) = (0.0, 0.0)
    var first: Date?
    for (index, value) in answer.values.enumerated() where value.isFinite {
      let instant = answer.instant(at: index)
      guard instant >= from - step / 2 else { continue }
      let place = packed.index(nearest: instant)
      let isComplete =
        packed.indices.contains(place) && packed[place].isFinite
        && partialFrom.map { instant < $0 - step / 2 } ?? true
      if isComplete {
        known += abs(packed[place])
        answered += abs(value)
        answer.values[index] = .nan
      } else if first == nil {
        first = instant
      }
    }
    if known > 0 { isPartialUsable = abs(known - answered) <= Self.partialTolerance * known }
    if let first { partialFrom = min(partialFrom ?? first, first) }
  }

  /// Notes whether an answer changes samples that the session has seen as settled.
  private mutating func noteChanges(_ answer: TimeSeries) {
    guard let seen, !packed.isEmpty else { return }
    for (index, value) in answer.values.enumerated() where value.isFinite {
      let instant = answer.instant(at: index)
      guard instant <= seen.end + step / 2 else { break }
      let place = packed.index(nearest: instant)
      guard packed.indices.contains(place) else { continue }
      if !packed[place].isFinite {
        if seen.change == .grown { self.seen?.change = .filled }
      } else if !packed.holds(value, at: place) {
        self.seen?.change = .rewritten
        return
      }
    }
  }

  // MARK: Storing

  /// Begins with the samples that an earlier process has settled; samples that were read since have precedence.
  mutating func resume(_ stored: TimeSeries) {
    guard stored.lastPresentIndex != nil else { return }
    guard !packed.isEmpty else {
      (packed, settledEnd) = (PackedSeries(stored), stored.end)
      return
    }
    var merged = stored
    merged.merge(series)
    packed = PackedSeries(merged)
    if seen != nil { distrustSession() }
  }

  /// The instant from which answers have changed settled samples since the last call; nil when they have not.
  mutating func takeSettledChange() -> Date? {
    defer { settledChange = nil }
    return settledChange
  }

  private mutating func noteSettledChange(_ answer: TimeSeries) {
    guard let settledEnd, answer.start <= settledEnd, !packed.isEmpty else { return }
    for (index, value) in answer.values.enumerated() where value.isFinite {
      let instant = answer.instant(at: index)
      guard instant <= settledEnd + step / 2 else { return }
      let place = packed.index(nearest: instant)
      if !packed.indices.contains(place) || !packed.holds(value, at: place) {
        settledChange = min(settledChange ?? instant, instant)
        return
      }
    }
  }

  // MARK: The model's view

  /// The session did not forecast: what it has learned is uncertain.
  mutating func distrustSession() { seen?.change = .rewritten }

  /// The change since the last call, for the session that forecasts from ``modelSeries``.
  mutating func takeChange() -> HistoryChange {
    let unsettled = unsettledCount
    defer { seen = (packed.end - step * unsettled, .grown) }
    return HistoryChange(seen?.change ?? .grown, unsettledCount: unsettled)
  }

  /// The samples that a model should see: without those of incomplete answers that lack a part of this load, and without the
  /// newest ones while the source corrects samples of their age by much.
  var modelSeries: TimeSeries {
    var series = packed.series
    let partial = isPartialUsable || partialCount > HistoryChange.mostUnsettled ? 0 : partialCount
    let hidden = max(partial, corrections.unreliableAges)
    guard hidden > 0, hidden < series.count else { return series }
    let newest = (series.count - hidden)..<series.count
    guard series.values[..<newest.lowerBound].contains(where: \.isFinite) else { return series }
    for index in newest { series.values[index] = .nan }
    return series
  }

  private var partialCount: Int {
    partialFrom.map { min(max(0, packed.count - packed.index(nearest: $0)), packed.count) } ?? 0
  }
}

/// How much a source corrects its samples after it has answered them for the first time, by the sample's age in steps.
private struct CorrectionRecord: Sendable {
  /// Samples older than that are held to be reliable.
  static let mostAges = 5
  /// The mean correction, as a share of the load, from which samples of an age are not used.
  private static let bound = 0.05
  /// Over how many samples corrections are averaged.
  private static let memory = 20.0

  private struct Pending: Sendable {
    var instant: Date
    /// The sample's value at each age, as first read; nil where no answer came at that age.
    var values: [Double?]
  }

  private var pending: [Pending] = []
  private var means: [Double]
  private var counts: [Double]

  init(ages: Int) {
    means = Array(repeating: 0, count: ages)
    counts = Array(repeating: 0, count: ages)
  }

  /// How many of the newest samples are not reliable.
  var unreliableAges: Int { (means.lastIndex { $0 > Self.bound } ?? -1) + 1 }

  /// Notes the newest samples as they are now, and compares those that are settled with what was read first.
  mutating func note(_ series: PackedSeries, settleSteps: Int) {
    guard !means.isEmpty else { return }
    for age in means.indices {
      let place = series.count - 1 - age
      guard place >= 0, series[place].isFinite else { continue }
      let instant = series.instant(at: place)
      if let known = pending.firstIndex(where: { abs($0.instant.timeIntervalSince(instant)) < 1e-3 }) {
        if pending[known].values[age] == nil { pending[known].values[age] = series[place] }
      } else if age == 0 || !pending.isEmpty {
        pending.append(Pending(instant: instant, values: means.indices.map { $0 == age ? series[place] : nil }))
      }
    }
    let settled = series.end - series.step * settleSteps + series.step / 2
    for sample in pending where sample.instant <= settled {
      let place = series.index(nearest: sample.instant)
      guard series.indices.contains(place), series[place].isFinite else { continue }
      compare(sample, with: series[place])
    }
    pending.removeAll { $0.instant <= settled }
  }

  private mutating func compare(_ sample: Pending, with final: Double) {
    for (age, value) in sample.values.enumerated() {
      guard let value else { continue }
      let scale = max(abs(value), abs(final))
      let correction = scale > 0 ? abs(final - value) / scale : 0
      counts[age] = min(counts[age] + 1, Self.memory)
      means[age] += (correction - means[age]) / counts[age]
    }
  }
}

extension PackedSeries {
  /// Begins with the first sample that is present: a window that reaches further back than the source has no gap there.
  fileprivate mutating func dropLeadingMissing() {
    if let first = indices.first(where: { self[$0].isFinite }) { keepLast(count - first) }
  }

  /// Drops the samples after `end`, which exist when the clock was set back.
  fileprivate mutating func dropSamples(after end: Date) { removeLast(min(count, count - 1 - index(nearest: end))) }

  /// Appends missing samples until the last one is at `end`.
  fileprivate mutating func extend(to end: Date) { append(missing: index(nearest: end) - count + 1) }
}
