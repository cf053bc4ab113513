#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The forecasts made one lead time ahead, kept until their load is measured.
struct LeadTimeForecasts: Sendable {
  private struct Entry {
    var instant: Date
    var value: Double
    var quantile: Double?
  }

  /// The most forecasts that wait; with a long lead time, fewer instants are compared.
  static let most = 60
  private let waiting: Duration
  private var entries: [Entry] = []

  /// - Parameter waiting: the longest time from an instant to its settled load.
  init(waiting: Duration) { self.waiting = waiting }

  /// Keeps the part of a forecast that is one lead time ahead; a second one for the same instant replaces the first.
  mutating func remember(_ forecast: Forecast, leadTime: Duration) {
    let stepsAhead = max(1, Int((leadTime.inSeconds / forecast.step.inSeconds - 1e-9).rounded(.up)))
    let spacing = max(forecast.step, (forecast.step * (stepsAhead + 1) + waiting) / (Self.most - 2))
    let index = min(forecast.values.count, stepsAhead) - 1
    guard index >= 0 else { return }
    let instant = forecast.start + forecast.step * (index + 1)
    let half = forecast.step / 2
    entries.removeAll { $0.instant >= instant - half }
    if let last = entries.last, instant < last.instant + spacing - half { return }
    if entries.count == Self.most { entries.removeFirst() }
    entries.append(
      Entry(instant: instant, value: forecast.values[index], quantile: forecast.quantiles[0.9].map { $0[index] }))
  }

  /// The earliest instant that is to be compared; nil when there is none.
  var earliest: Date? { entries.first?.instant }

  /// Compares the forecasts with the loads measured up to `end`; those without a load are dropped.
  mutating func settle(_ history: TimeSeries, upTo end: Date) -> [(instant: Date, counts: ScorecardDay)] {
    defer { entries.removeAll { $0.instant <= end } }
    return entries.filter { $0.instant <= end }.compactMap { entry in
      guard let load = history.value(at: entry.instant) else { return nil }
      var counts = ScorecardDay(day: 0)
      counts.compared = 1
      counts.error = abs(load - entry.value)
      counts.load = abs(load)
      counts.comparedQuantiles = entry.quantile == nil ? 0 : 1
      counts.covered = entry.quantile.map { load <= $0 } == true ? 1 : 0
      return (entry.instant, counts)
    }
  }

  /// Forgets the forecasts.
  mutating func removeAll() { entries = [] }
}
