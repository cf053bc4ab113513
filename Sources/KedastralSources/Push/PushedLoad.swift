import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Turns the pushed points of a workload's series into a load series on the grid: a pure value, fed one point after another.
///
/// A count becomes its growth per second, taken as constant since the series' previous point; a level holds since the previous point.
/// A step's load is the sum over all series of their means in it. A series counts in a step of which it covers at least half. A series that
/// has not reached the newest point of the others yet keeps its last value until then, unless it is overdue: so a step is not too
/// low because some senders push a little later than others.
///
/// Steps of the last ten minutes, at least eight, still change; older points come too late.
package struct PushedLoad {
  /// The series that a workload can have.
  package static let mostSeries = 10_000
  /// Between two points further apart than this nothing is known.
  static let longestInterval = 300.0
  private static let mostAhead = 60.0
  /// Larger values are refused, so that sums of values are finite.
  private static let largestValue = 1e250

  /// The part of a step that a series covers.
  private struct Bucket {
    let index: Int
    /// The integral over the covered part, in values times steps.
    var weighted = 0.0
    /// The covered part; above one only where counts of several senders overlap.
    var covered = 0.0
  }

  /// One series.
  private struct Track {
    var instant = -Double.infinity
    var value = 0.0
    var start: Double?
    var level: Double?
    /// The time between the last two points.
    var interval: Double?
    var hasEnded = false
    /// The times of the counts in the steps that still change, of which one can come late.
    var counted: [Double] = []
    var buckets: [Bucket] = []
  }

  /// The load of the steps that do not change any more.
  private var settled: TimeSeries
  private let capacity: Int
  private let step: Double
  private let openSeconds: Double
  private var tracks: [[String: String]: Track] = [:]
  /// The step up to which all is settled.
  private var settledIndex = Int.min

  /// Creates a load without points.
  ///
  /// - Parameter capacity: how many steps are kept.
  package init(step: Duration, capacity: Int) {
    settled = TimeSeries(start: Date(timeIntervalSince1970: 0), step: step, values: [])
    self.capacity = max(1, capacity)
    self.step = step.inSeconds
    openSeconds = max(600, step.inSeconds * 8)
  }

  /// How many series there are.
  package var seriesCount: Int { tracks.count }

  // MARK: Points

  /// Adds a point that was received at `now`.
  ///
  /// - Returns: why it is not used; nil when it is.
  package mutating func add(_ point: PushedPoint, at now: Date) -> PushRejection? {
    let seconds = now.timeIntervalSince1970
    settle(at: seconds)
    guard point.instant.isFinite, point.instant > 0, point.instant <= seconds + Self.mostAhead else { return .time }
    guard point.value.magnitude <= Self.largestValue else { return .value }
    guard index(of: point.instant) > settledIndex else { return .late }
    if tracks[point.attributes] == nil {
      guard point.meaning != .end else { return nil }
      guard tracks.count < Self.mostSeries else { return .series }
    }
    var track = tracks[point.attributes] ?? Track()
    if let reason = add(point, to: &track) { return reason }
    tracks[point.attributes] = track
    return nil
  }

  private func add(_ point: PushedPoint, to track: inout Track) -> PushRejection? {
    let isNewest = point.instant > track.instant
    let gap = point.instant - track.instant
    switch point.meaning {
    case .end:
      guard gap >= 0 else { return .late }
      track.hasEnded = true
      return nil
    case .level:
      guard isNewest else { return gap == 0 ? .duplicate : .late }
      track.level = point.value
      spread(
        point.value, in: &track, from: gap <= Self.longestInterval ? track.instant : point.instant - step,
        to: point.instant)
    case .total(let start):
      guard isNewest else { return gap == 0 ? .duplicate : .late }
      if let (growth, from) = growth(to: point, start: start, in: track) {
        track.level = growth / (point.instant - from)
        spread(growth / (point.instant - from), in: &track, from: from, to: point.instant)
      }
      track.start = start ?? track.start
    case .increase(let start):
      guard !track.counted.contains(point.instant) else { return .duplicate }
      let from: Double =
        if let start, point.instant - start <= Self.longestInterval {
          start
        } else {
          isNewest && gap <= Self.longestInterval ? track.instant : point.instant - step
        }
      let rate = point.value / (point.instant - from)
      spread(rate, in: &track, from: from, to: point.instant)
      track.counted.append(point.instant)
      // The rest of this describes the newest point.
      guard isNewest else { return nil }
      track.level = rate
    }
    if gap <= Self.longestInterval { track.interval = gap }
    (track.instant, track.value, track.hasEnded) = (point.instant, point.value, false)
    return nil
  }

  /// How much a count has grown up to a point, and since when; nil when that is not known.
  private func growth(to point: PushedPoint, start: Double?, in track: Track) -> (Double, from: Double)? {
    let started = start.flatMap { point.instant - $0 <= Self.longestInterval ? $0 : nil }
    let began = if let start, let known = track.start { start > known } else { false }
    guard point.instant - track.instant <= Self.longestInterval else {
      // The first point, or the first for long: all of a young count is new.
      return started.flatMap { $0 > track.instant ? (point.value, $0) : nil }
    }
    guard began || point.value < track.value else { return (point.value - track.value, track.instant) }
    // The count began again in between.
    return (point.value, max(track.instant, began ? started ?? track.instant : track.instant))
  }

  /// The step that contains an instant; a step contains its end.
  private func index(of instant: Double) -> Int { Int((instant / step - 1e-9).rounded(.up)) }

  private func spread(_ level: Double, in track: inout Track, from start: Double, to end: Double) {
    guard start < end else { return }
    let (first, last) = (start / step, end / step)
    for index in max(index(of: start), settledIndex &+ 1)...max(index(of: end), settledIndex &+ 1) {
      let covered = min(last, Double(index)) - max(first, Double(index - 1))
      guard covered > 0 else { continue }
      let place = track.buckets.lastIndex { $0.index <= index }
      if let place, track.buckets[place].index == index {
        track.buckets[place].weighted += level * covered
        track.buckets[place].covered += covered
      } else {
        track.buckets.insert(
          Bucket(index: index, weighted: level * covered, covered: covered), at: place.map { $0 + 1 } ?? 0)
      }
    }
  }

  // MARK: Load

  /// The load of the steps in a range that have ended at a time; missing where there is none.
  package mutating func samples(in range: Range<Date>, at now: Date) -> TimeSeries {
    settle(at: now.timeIntervalSince1970)
    var samples = settled.samples(in: range, upTo: now)
    for (index, load) in loads() {
      let instant = Date(timeIntervalSince1970: Double(index) * step)
      let place = samples.index(nearest: instant)
      if instant <= now, samples.values.indices.contains(place) { samples.values[place] = load }
    }
    return samples
  }

  /// The loads of the steps that still change, in order.
  private func loads() -> [(index: Int, load: Double)] {
    let newest = tracks.values.lazy.map(\.instant).max() ?? 0
    var sums: [Int: Double] = [:]
    for track in tracks.values {
      var track = track
      // Carried forward to where the others are.
      if let level = track.level, !track.hasEnded, track.instant < newest, newest - track.instant <= patience(of: track)
      {
        spread(level, in: &track, from: track.instant, to: newest)
      }
      for bucket in track.buckets where bucket.covered >= 0.5 - 1e-9 {
        sums[bucket.index, default: 0] += bucket.weighted / min(1, bucket.covered)
      }
    }
    return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// How long a series can be behind the others before it counts as ended.
  private func patience(of track: Track) -> Double { min(Self.longestInterval, 2.5 * (track.interval ?? step)) }

  private mutating func settle(at now: Double) {
    // After the clock was set back, everything begins again.
    if index(of: now + Self.mostAhead) < settledIndex { self = PushedLoad(step: settled.step, capacity: capacity) }
    let boundary = index(of: now - openSeconds)
    guard boundary > settledIndex else { return }
    for (index, load) in loads() where index <= boundary { settle(load, at: index) }
    settledIndex = boundary
    // The next point may still need it as the one before.
    let oldest = Double(boundary) * step - Self.longestInterval
    tracks = tracks.compactMapValues { track in
      guard track.instant > oldest else { return nil }
      var track = track
      track.buckets.removeAll { $0.index <= boundary }
      track.counted.removeAll { index(of: $0) <= boundary }
      return track
    }
    if settled.count > capacity + capacity / 8 { settled.keepLast(capacity) }
  }

  private mutating func settle(_ load: Double, at index: Int) {
    let sample = TimeSeries(
      start: Date(timeIntervalSince1970: Double(index) * step), step: settled.step, values: [load])
    // After a very long pause the old samples are useless.
    let distance = settled.isEmpty ? 0 : settled.index(nearest: sample.start) - settled.count
    if distance <= capacity { settled.merge(sample) } else { settled = sample }
  }
}
