import KedastralCore
import KedastralGRPC
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What has been received of one trigger.
final class TriggerValues: Sendable {
  /// A value's own time counts when it differs from the time of its arrival by no more than this.
  private static let mostAge = Duration.seconds(300)
  private static let mostAhead = Duration.seconds(60)
  /// Larger values are ignored, so that sums of values are finite.
  private static let largestValue = 1e250

  private struct State {
    var means: StepMeans
    var last: (instant: Date, value: Double)?
    var subscribedAt: Date?
    var arrivedAt: Date?
    var refusal: String?
  }

  private let state: Mutex<State>

  /// - Parameter capacity: the number of steps that are kept.
  init(step: Duration, capacity: Int) { state = Mutex(State(means: StepMeans(step: step, capacity: capacity))) }

  /// The load so far.
  var series: TimeSeries { state.withLock { $0.means.series } }
  /// When the newest value arrived; nil before the first.
  var arrivedAt: Date? { state.withLock { $0.arrivedAt } }
  /// When the trigger was first subscribed to; nil before that.
  var subscribedAt: Date? { state.withLock { $0.subscribedAt } }
  /// Why the server refuses the subscription; nil when it does not.
  var refusal: String? { state.withLock { $0.refusal } }

  /// Adds the trigger's values of one message: the autoscaler adds them up, and so does this. A repetition of the last value, which
  /// KEDA sends when it caches a trigger's values, is not counted twice.
  func add(_ metrics: [RawMetric], at now: Date) {
    let values = metrics.map(\.value).filter { $0.magnitude <= Self.largestValue }
    guard !values.isEmpty else { return }
    let value = values.reduce(0, +)
    let own = metrics.compactMap(\.instant).max().flatMap { instant in
      instant >= now - Self.mostAge && instant <= now + Self.mostAhead ? instant : nil
    }
    state.withLock { state in
      state.arrivedAt = now
      if let own, let last = state.last, last == (own, value) { return }
      state.last = own.map { ($0, value) }
      state.means.add(value, at: own ?? now)
    }
  }

  /// Notes that the server has accepted the subscription.
  func noteSubscribed(at now: Date) {
    state.withLock { state in
      state.subscribedAt = state.subscribedAt ?? now
      state.refusal = nil
    }
  }

  /// Notes that the server has refused the subscription.
  func noteRefused(_ problem: String) { state.withLock { $0.refusal = problem } }
}
