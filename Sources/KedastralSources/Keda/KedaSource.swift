import KedastralCore
import KedastralGRPC

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Load that KEDA itself reads: the raw values of one trigger of a ScaledObject, whatever the trigger's type.
///
///     let feed = RawMetricsFeeds(on: loop, clock: clock, logger: logger).feed(of: server)
///     let trigger = ScalingTrigger(namespace: "shop", object: "orders", name: "lag")
///     let source = KedaSource(trigger, of: feed, step: .seconds(60), capacity: 1_440, clock: clock)
///     async let receiving: Void = source.run()
///
/// A step's load is the mean of the values that KEDA read within it. A step without values is missing, and so is everything before
/// ``run()``: KEDA has no past.
package final class KedaSource: IdentifiedSource {
  /// The trigger.
  package let trigger: ScalingTrigger
  /// The step of the series.
  package let step: Duration
  private let feed: RawMetricsFeed
  private let clock: any WallClock
  private let values: TriggerValues
  /// How long a value may take before its absence is an error.
  private let patience: Duration

  /// Creates a source, which begins to receive in ``run()``.
  ///
  /// - Parameters:
  ///   - step: the step of the series, which all requests must use.
  ///   - capacity: the number of steps that are kept.
  package init(
    _ trigger: ScalingTrigger, of feed: RawMetricsFeed, step: Duration, capacity: Int, clock: any WallClock
  ) {
    self.trigger = trigger
    self.feed = feed
    self.step = step
    self.clock = clock
    values = TriggerValues(step: step, capacity: capacity)
    patience = max(.seconds(180), step * 3)
  }

  package var loadIdentity: String {
    ["keda", "\(feed.server.address)", trigger.namespace, trigger.object, trigger.name].joined(separator: "\n")
  }

  package var hasPast: Bool { false }

  /// The load of all steps that have values, the current one included.
  var received: [Double] { values.series.values }

  /// Receives values until the task is cancelled.
  package func run() async throws {
    await feed.follow(trigger, values)
    try Task.checkCancellation()
  }

  /// The load as far as it has been received.
  ///
  /// - Throws: `SourceError` for another step than ``step``, when the connection has failed for some time, and when no value
  ///   follows a subscription.
  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    guard step == self.step else {
      throw error("the source's step is \(DurationText.format(self.step)), not \(DurationText.format(step))")
    }
    let now = clock.now
    try check(at: now)
    return values.series.samples(in: range, upTo: now)
  }

  private func check(at now: Date) throws(SourceError) {
    if let refusal = values.refusal { throw error(refusal) }
    let isOverdue = values.arrivedAt.map { now > $0 + patience } ?? true
    if isOverdue, let failure = feed.failure { throw error(failure, isOutage: true) }
    if values.arrivedAt == nil, let since = values.subscribedAt, now > since + patience { throw error(silence) }
  }

  /// Receives for a while, and returns as soon as a value has arrived; for checks of the settings.
  ///
  /// - Returns: what to tell the user when the subscription was accepted and no value followed; nil when one did.
  /// - Throws: `SourceError` when the subscription fails.
  package func probe(within limit: Duration) async throws -> String? {
    let end = clock.now + limit
    return try await withThrowingTaskGroup(of: String?.self) { group in
      defer { group.cancelAll() }
      group.addTask { [self] in
        try await run()
        return nil
      }
      group.addTask { [self] in
        while values.arrivedAt == nil {
          if let refusal = values.refusal { throw error(refusal) }
          if let failure = feed.failure { throw error(failure, isOutage: true) }
          guard clock.now < end else {
            guard values.subscribedAt != nil else {
              throw error("no response within \(DurationText.format(limit))", isOutage: true)
            }
            return "\(trigger): subscribed, but no value within \(DurationText.format(limit)); \(Self.causes)"
          }
          try await clock.sleep(for: .milliseconds(50))
        }
        return nil
      }
      return try await group.next() ?? nil
    }
  }

  private var silence: String { "subscribed, but no value within \(DurationText.format(patience)); \(Self.causes)" }

  private static let causes =
    "KEDA sends one per pollingInterval (30s unless set) if the ScaledObject and its trigger exist and KEDA's operator has "
    + "RAW_METRICS_GRPC_PROTOCOL=enabled"

  private func error(_ problem: String, isOutage: Bool = false) -> SourceError {
    SourceError(asked: "\(trigger)", of: "\(feed.server.address)", problem: problem, isOutage: isOutage)
  }
}
