import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Lays a history out by the local clock and brings a forecast back, so that days keep their length for a model where daylight
/// saving time begins or ends.
///
/// An hour that the clock skips becomes a gap; of one that it repeats, the later pass stays.
struct LocalClock {
  /// For each step of the history, its place on the local grid; nil when the offset does not change.
  private let places: [Int]?
  /// For each step of the forecast, its place behind the localised history.
  private let ahead: [Int]
  /// How many local steps a model has to forecast.
  let steps: Int

  init(_ utcOffset: (@Sendable (Date) -> Duration)?, history: TimeSeries, steps: Int) {
    let all = history.count + steps
    let stepSeconds = history.step.inSeconds
    guard let utcOffset, all > 0 else {
      (places, ahead, self.steps) = (nil, [], steps)
      return
    }
    // Offsets change on the quarter hour at most.
    let stride = max(1, Int(900 / stepSeconds))
    let first = utcOffset(history.start).inSeconds
    var offsets = Array(repeating: 0, count: all)
    for index in Swift.stride(from: 0, to: all, by: stride) {
      let shift = Int(((utcOffset(history.instant(at: index)).inSeconds - first) / stepSeconds).rounded())
      for place in index..<min(all, index + stride) { offsets[place] = shift }
    }
    guard offsets.contains(where: { $0 != 0 }) else {
      (places, ahead, self.steps) = (nil, [], steps)
      return
    }
    let now = history.count - 1 + offsets[max(0, history.count - 1)]
    places = (0..<history.count).map { $0 + offsets[$0] }
    ahead = (history.count..<all).map { max(0, $0 + offsets[$0] - now - 1) }
    self.steps = (ahead.max() ?? 0) + 1
  }

  /// The history on the local grid.
  func localised(_ history: TimeSeries) -> TimeSeries {
    guard let places, let last = places.last else { return history }
    let first = places.min() ?? 0
    var values = Array(repeating: Double.nan, count: last - first + 1)
    for (value, place) in zip(history.values, places) where place <= last { values[place - first] = value }
    return TimeSeries(start: history.instant(at: first), step: history.step, values: values)
  }

  /// How many of the localised history's samples are the last `count` of the history.
  func localised(last count: Int) -> Int {
    guard let places, let last = places.last, count > 0, count < places.count else { return count }
    return max(0, last - places[places.count - 1 - count])
  }

  /// Values of the steps after the history on the local grid.
  func localised(ahead values: [Double]) -> [Double] {
    guard places != nil else { return values }
    var local = Array(repeating: Double.nan, count: steps)
    for (value, place) in zip(values, ahead) where place < steps { local[place] = value }
    return local
  }

  /// A path over local steps at the steps of the standard clock.
  func standard(_ path: [Double]) -> [Double] {
    places == nil ? path : ahead.map { path[min($0, path.count - 1)] }
  }
}
