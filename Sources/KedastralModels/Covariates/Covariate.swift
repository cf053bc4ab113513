import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Another series that may tell how a load develops: the load of an upstream service, or a schedule.
package struct Covariate: Sendable {
  /// Where its values come from.
  package enum Values: Sendable {
    /// A source; its values are known up to now.
    case measured(any MetricSource)
    /// A recorded series, of which only the values up to the end of a history are used.
    case recorded(TimeSeries)
    /// A schedule, whose values are known ahead.
    case planned(CovariateSchedule)
  }

  /// The largest number that a workload may have.
  package static let most = 5

  /// Its name.
  package var name: String
  package var values: Values

  package init(name: String, values: Values) {
    (self.name, self.values) = (name, values)
  }

  /// Whether its values are known ahead.
  var isKnownAhead: Bool {
    if case .planned = values { true } else { false }
  }

  /// A text that differs for covariates with different values.
  var identity: String {
    switch values {
    case .measured(let source): "\(name) measured \((source as? any IdentifiedSource)?.loadIdentity ?? "")"
    case .recorded: "\(name) recorded"
    case .planned(let schedule): "\(name) planned \(schedule.identity)"
    }
  }
}

/// A covariate's values on the grid of a history.
struct CovariateReading: Sendable {
  let name: String
  let isKnownAhead: Bool
  /// The values from the history's first sample on, NaN where one is missing; if known ahead, also those of the steps after it.
  var values: [Double]
  /// How many of them belong to the history.
  var count: Int
  /// Why it cannot be used now.
  var problem: String?

  /// The steps after its newest value for which it is still used.
  private static let mostLate = 5

  /// The values of a series that is known up to the end of a history.
  init(_ name: String, _ series: TimeSeries?, on history: TimeSeries, failure: String? = nil) {
    self.name = name
    isKnownAhead = false
    count = history.count
    values = series?.values(on: history) ?? Array(repeating: .nan, count: history.count)
    guard let newest = values.lastIndex(where: \.isFinite) else {
      problem = failure ?? "it has no samples"
      return
    }
    guard count - 1 - newest > Self.mostLate else { return }
    problem = failure ?? "it has no sample since \(Timestamp.format(history.instant(at: newest)))"
  }

  /// The values of a schedule.
  init(_ name: String, _ schedule: CovariateSchedule, on history: TimeSeries, steps: Int) {
    self.name = name
    isKnownAhead = true
    count = history.count
    values = schedule.values(from: history.start, step: history.step, count: history.count + steps)
  }

  /// The values on the local grid of a history.
  func localised(by clock: LocalClock, _ history: TimeSeries) -> CovariateReading {
    var reading = self
    let past = TimeSeries(start: history.start, step: history.step, values: Array(values.prefix(count)))
    reading.values = clock.localised(past).values
    reading.count = reading.values.count
    reading.values += clock.localised(ahead: Array(values.dropFirst(count)))
    return reading
  }
}

extension TimeSeries {
  /// The values at the instants of another series: means of shorter steps, the last value of longer ones; NaN where there is none.
  fileprivate func values(on other: TimeSeries) -> [Double] {
    let ratio = other.step.inSeconds / step.inSeconds
    let offset = other.start.timeIntervalSince(start) / step.inSeconds
    return other.values.indices.map { index in
      let place = offset + Double(index) * ratio
      let last = Int((place + 1e-6).rounded(.down))
      let first = ratio > 1 ? Int((place - ratio + 1e-6).rounded(.down)) + 1 : last
      let range = max(0, first)..<max(max(0, first), min(last + 1, count))
      let present = values[range.clamped(to: values.indices)].filter(\.isFinite)
      return present.isEmpty ? .nan : present.reduce(0, +) / Double(present.count)
    }
  }
}
