import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What has been received for one workload.
final class PushedValues: Sendable {
  private struct State {
    var load: PushedLoad
    var arrivedAt: Date?
    var followedAt: Date?
  }

  /// What it receives.
  let selector: PushSelector
  private let state: Mutex<State>

  /// - Parameter capacity: the number of steps that are kept.
  init(_ selector: PushSelector, step: Duration, capacity: Int) {
    self.selector = selector
    state = Mutex(State(load: PushedLoad(step: step, capacity: capacity)))
  }

  /// When the newest point that is used arrived; nil before the first.
  var arrivedAt: Date? { state.withLock { $0.arrivedAt } }
  /// Since when points are received; nil before that.
  var followedAt: Date? { state.withLock { $0.followedAt } }

  /// The load in a range, as far as it is known at a time.
  func samples(in range: Range<Date>, at now: Date) -> TimeSeries {
    state.withLock { $0.load.samples(in: range, at: now) }
  }

  func noteFollowed(at now: Date) { state.withLock { $0.followedAt = $0.followedAt ?? now } }

  /// Adds points of one request.
  ///
  /// - Returns: why points are not used, by their places in `points`.
  func add(_ points: [PushedPoint], at now: Date) -> [Int: PushRejection] {
    state.withLock { state in
      var rejected: [Int: PushRejection] = [:]
      for (place, point) in points.enumerated() { rejected[place] = state.load.add(selector.read(point), at: now) }
      if rejected.count < points.count { state.arrivedAt = now }
      return rejected
    }
  }
}
