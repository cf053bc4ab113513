import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Load that applications or collectors push to this process.
///
///     let inbox = PushInbox(clock: clock)
///     let selector = PushSelector(.otlp, metric: "http.server.requests", attributes: ["service.name": "shop"])
///     let source = PushSource(selector, of: inbox, step: .seconds(60), capacity: 1_440, clock: clock)
///     async let receiving: Void = source.run()
///
/// A step without points is missing, and so is everything before ``run()``.
package final class PushSource: IdentifiedSource {
  /// What it receives.
  package var selector: PushSelector { values.selector }
  /// The step of the series.
  package let step: Duration
  private let inbox: PushInbox
  private let clock: any WallClock
  private let values: PushedValues
  /// How long the first point may take before its absence is an error.
  private let patience: Duration

  /// Creates a source, which begins to receive in ``run()``.
  ///
  /// - Parameters:
  ///   - step: the step of the series, which all requests must use.
  ///   - capacity: the number of steps that are kept.
  package init(
    _ selector: PushSelector, of inbox: PushInbox, step: Duration, capacity: Int, clock: any WallClock
  ) {
    self.inbox = inbox
    self.step = step
    self.clock = clock
    values = PushedValues(selector, step: step, capacity: capacity)
    patience = max(.seconds(180), step * 3)
  }

  package var loadIdentity: String {
    let pairs = selector.pairs.flatMap { [$0.key, $0.value] }
    return ([selector.origin.rawValue, selector.metric, "\(selector.isCount)"] + pairs).joined(separator: "\n")
  }

  package var hasPast: Bool { false }

  /// Whether ``run()`` receives.
  var isFollowed: Bool { values.followedAt != nil }

  /// Receives points until the task is cancelled.
  package func run() async throws {
    await inbox.follow(values)
    try Task.checkCancellation()
  }

  /// The load as far as it has been received.
  ///
  /// - Throws: `SourceError` for another step than ``step``, and when no point has come for some time after the start.
  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    guard step == self.step else {
      throw error("the source's step is \(DurationText.format(self.step)), not \(DurationText.format(step))")
    }
    let now = clock.now
    if values.arrivedAt == nil, let since = values.followedAt, now > since + patience {
      throw error(
        "no point within \(DurationText.format(patience)); check that the sender posts to \(selector.origin.path) of this "
          + "process, and that name and \(selector.origin == .otlp ? "attributes" : "labels") are right")
    }
    return values.samples(in: range, at: now)
  }

  private func error(_ problem: String) -> SourceError {
    SourceError(asked: "metric \(selector)", of: selector.origin.rawValue, problem: problem)
  }
}
