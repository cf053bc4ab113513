#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The times in which pods of a workload were starting, as far as they are known.
struct StartingTimes {
  /// How much of a longer time counts: a pod that does not become ready must not hide the load.
  static let longest = Duration.seconds(600)

  private var times: [(from: Date, to: Date)] = []

  /// Notes that pods were starting at the end of a step: the samples of this step and of the next one contain their start.
  mutating func note(_ instant: Date, step: Duration) {
    let next = instant + step
    // Whatever touches it is the same time.
    let touching = times.filter { $0.from <= next + step / 2 && $0.to >= instant - step * 1.5 }
    times.removeAll { $0.from <= next + step / 2 && $0.to >= instant - step * 1.5 }
    times.append(
      (min(instant, touching.map(\.from).min() ?? instant), max(next, touching.map(\.to).max() ?? next)))
  }

  /// Forgets the times that ended before an instant.
  mutating func forget(before instant: Date) { times.removeAll { $0.to < instant - Self.longest } }

  /// Whether the sample of this instant contains the start of pods.
  func contain(_ instant: Date) -> Bool {
    times.contains { $0.from <= instant && instant <= $0.to && instant < $0.from + Self.longest }
  }
}

/// A source without the samples of the times in which pods were starting.
///
/// The load of starting pods, CPU above all, is not the load of the service. When the number of starting pods cannot be read, all
/// samples count; the first failure in a row is logged.
package actor StartingPodsFilter: IdentifiedSource, JointSource {
  /// How long the number of starting pods may take.
  private static let limit = Duration.seconds(5)

  private let base: any IdentifiedSource
  private let starting: any MetricSource
  private let workload: WorkloadName
  private let clock: any WallClock
  private let logger: KedastralLogger
  private var times = StartingTimes()
  private var isFailing = false

  /// Creates a source.
  ///
  /// - Parameter starting: the number of starting pods; missing samples are unknown numbers.
  package init(
    _ base: any IdentifiedSource, of workload: WorkloadName, starting: any MetricSource, clock: any WallClock,
    logger: KedastralLogger
  ) {
    self.base = base
    self.starting = starting
    self.workload = workload
    self.clock = clock
    self.logger = logger
  }

  package nonisolated var loadIdentity: String { base.loadIdentity + "\nwithout starting pods" }

  package nonisolated var hasPast: Bool { base.hasPast }

  package func announceHistory(from start: Date) async {
    await (base as? any JointSource)?.announceHistory(from: start)
  }

  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    try await read(in: range, step: step).series
  }

  package func read(in range: Range<Date>, step: Duration) async throws -> MetricReading {
    async let noted: Void = note(range, step: step)
    var reading = try await base.read(in: range, step: step)
    await noted
    for index in reading.series.values.indices where times.contain(reading.series.instant(at: index)) {
      reading.series.values[index] = .nan
    }
    return reading
  }

  private func note(_ range: Range<Date>, step: Duration) async {
    do {
      let counts = try await withDeadline(Self.limit, clock: clock) { [starting] in
        try await starting.read(in: range, step: step).series
      }
      times.forget(before: range.lowerBound)
      for (index, count) in counts.values.enumerated() where count > 0 {
        times.note(counts.instant(at: index), step: counts.step)
      }
      isFailing = false
    } catch {
      guard !Task.isCancelled else { return }
      logger.log(
        isFailing ? .debug : .warn, "the starting pods cannot be read; all samples count",
        ["workload": workload.text, "error": "\(error)"])
      isFailing = true
    }
  }
}
