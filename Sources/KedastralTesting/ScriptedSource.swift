import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A metric source that returns a function of time, fails on request, and records its requests.
///
///     let source = ScriptedSource(LoadPattern.constant(120).load(at:))
///     source.fail(with: TestFailure("503 from the source"))
public final class ScriptedSource: MetricSource {
  private struct State {
    var load: @Sendable (Date) -> Double
    var failure: (any Error)?
    var isHanging = false
    var isPartial = false
    var ranges: [Range<Date>] = []
  }

  private let state: Mutex<State>

  /// Creates a source; `load` gives the load at an instant, NaN for a missing sample.
  public init(_ load: @escaping @Sendable (Date) -> Double) { state = Mutex(State(load: load)) }

  /// The requested ranges, in order.
  public var askedRanges: [Range<Date>] { state.withLock { $0.ranges } }

  /// From now on every call throws `error`; nil restores normal operation.
  public func fail(with error: (any Error)?) { state.withLock { $0.failure = error } }

  /// From now on calls wait until they are cancelled.
  public func hang(_ isHanging: Bool = true) { state.withLock { $0.isHanging = isHanging } }

  /// From now on responses count as incomplete, as if a part of the source did not respond.
  public func answerPartially(_ isPartial: Bool = true) { state.withLock { $0.isPartial = isPartial } }

  /// Replaces the load.
  public func play(_ load: @escaping @Sendable (Date) -> Double) { state.withLock { $0.load = load } }

  public func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    let (load, failure, isHanging) = state.withLock { state in
      state.ranges.append(range)
      return (state.load, state.failure, state.isHanging)
    }
    if isHanging { try await Task.sleep(for: .seconds(3600)) }
    if let failure { throw failure }
    return TimeSeries.sampled(in: range, step: step, load: load)
  }

  public func read(in range: Range<Date>, step: Duration) async throws -> MetricReading {
    let series = try await samples(in: range, step: step)
    return MetricReading(series, partialFrom: state.withLock { $0.isPartial } ? series.start : nil)
  }
}

/// An error with a text, for scripts.
public struct TestFailure: Error, Equatable, CustomStringConvertible {
  /// The text.
  public let description: String

  /// Creates an error.
  public init(_ description: String) { self.description = description }
}

/// A scripted source that another process can recognise, so that a restarted loop resumes from the stored history.
package struct IdentifiedScript: IdentifiedSource {
  package let loadIdentity: String
  private let source: ScriptedSource

  package init(_ source: ScriptedSource, identity: String = "script") {
    self.source = source
    loadIdentity = identity
  }

  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    try await source.samples(in: range, step: step)
  }

  package func read(in range: Range<Date>, step: Duration) async throws -> MetricReading {
    try await source.read(in: range, step: step)
  }
}
