import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What was forecast for past instants one lead time before them: every step of the last hours, and one step per hour before that.
struct ForecastTrail: Sendable, Equatable {
  /// The forecast for an instant, in few bytes: a process keeps thousands of trails.
  struct Entry: Sendable, Equatable {
    /// Seconds since 1970.
    var second: UInt32
    var value: Float
    /// NaN when the forecast has no such quantile.
    var lower: Float
    var upper: Float
  }

  /// How many steps are kept, and how many hours before them.
  static let steps = 360
  static let hours = 144

  private var recent: [Entry] = []
  private var hourly: [Entry] = []

  /// The entries, oldest first.
  var entries: [Entry] { hourly + recent }

  /// Records what a snapshot forecasts for one lead time after its generation; a step that is recorded already is kept.
  mutating func record(_ snapshot: Snapshot, leadTime: Duration) {
    let index = snapshot.stepIndex(at: snapshot.generatedAt + leadTime)
    let instant = snapshot.generatedAt + snapshot.step * (index + 1)
    guard let second = UInt32(exactly: instant.timeIntervalSince1970.rounded()) else { return }
    if let last = recent.last, Double(second) < Double(last.second) + snapshot.step.inSeconds * 0.75 { return }
    let paths = snapshot.quantiles.paths
    func bound(_ path: Quantiles.Path?, _ isRight: (Double) -> Bool) -> Float {
      path.flatMap { isRight($0.level) ? Float($0.values[index]) : nil } ?? .nan
    }
    if recent.count == Self.steps { archive(recent.removeFirst()) }
    recent.append(
      Entry(
        second: second, value: Float(snapshot.values[index]), lower: bound(paths.first) { $0 < 0.5 },
        upper: bound(paths.last) { $0 > 0.5 }))
  }

  private mutating func archive(_ entry: Entry) {
    if let last = hourly.last, entry.second < last.second + 3600 { return }
    if hourly.count == Self.hours { hourly.removeFirst() }
    hourly.append(entry)
  }
}
