import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Distributes pushed points to the workloads that select them; one for each process.
package final class PushInbox: Sendable {
  /// What became of the points of a request.
  package struct Outcome: Sendable, Equatable {
    /// How many points a workload uses.
    package var received = 0
    /// How many points no workload selects.
    package var unselected = 0
    /// How many selected points are not used, by reason.
    package var rejected: [PushRejection: Int] = [:]
  }

  /// The workloads that select a metric by the same attributes, by the values of these.
  private struct Group {
    let keys: [String]
    var followers: [[String]: [Int: PushedValues]] = [:]
  }

  private struct State {
    var groups: [PushProtocol: [String: [Group]]] = [:]
    var lastNumber = 0
  }

  private let clock: any WallClock
  private let state = Mutex(State())

  /// Creates an inbox without workloads.
  package init(clock: any WallClock) { self.clock = clock }

  /// The metrics that workloads select.
  package func metrics(_ origin: PushProtocol) -> Set<String> {
    state.withLock { Set($0.groups[origin].map { Array($0.keys) } ?? []) }
  }

  /// Whether any workload receives points of a protocol.
  package func isUsed(_ origin: PushProtocol) -> Bool { state.withLock { $0.groups[origin]?.isEmpty == false } }

  // MARK: Followers

  /// Adds the points that come to `values`, until the task is cancelled.
  func follow(_ values: PushedValues) async {
    let number = add(values)
    values.noteFollowed(at: clock.now)
    let (ending, continuation) = AsyncStream.makeStream(of: Void.self)
    await withTaskCancellationHandler {
      for await _ in ending {}
    } onCancel: {
      continuation.finish()
    }
    remove(values, number)
  }

  private static func place(_ selector: PushSelector) -> (keys: [String], values: [String]) {
    (selector.pairs.map(\.key), selector.pairs.map(\.value))
  }

  private func add(_ values: PushedValues) -> Int {
    let (keys, wanted) = Self.place(values.selector)
    return state.withLock { state in
      state.lastNumber += 1
      var groups = state.groups[values.selector.origin]?[values.selector.metric] ?? []
      let place = groups.firstIndex { $0.keys == keys } ?? groups.count
      if place == groups.count { groups.append(Group(keys: keys)) }
      groups[place].followers[wanted, default: [:]][state.lastNumber] = values
      state.groups[values.selector.origin, default: [:]][values.selector.metric] = groups
      return state.lastNumber
    }
  }

  private func remove(_ values: PushedValues, _ number: Int) {
    let (keys, wanted) = Self.place(values.selector)
    state.withLock { state in
      guard var groups = state.groups[values.selector.origin]?[values.selector.metric],
        let place = groups.firstIndex(where: { $0.keys == keys })
      else { return }
      groups[place].followers[wanted]?[number] = nil
      if groups[place].followers[wanted]?.isEmpty == true { groups[place].followers[wanted] = nil }
      groups.removeAll { $0.followers.isEmpty }
      state.groups[values.selector.origin]?[values.selector.metric] = groups.isEmpty ? nil : groups
    }
  }

  // MARK: Points

  /// Hands the points of a request to the workloads that select them.
  package func receive(_ batch: PushBatch, from origin: PushProtocol) -> Outcome {
    let now = clock.now
    let groups = state.withLock { $0.groups[origin] ?? [:] }
    var outcome = Outcome(received: 0, unselected: batch.unselected, rejected: batch.rejected)
    // A workload gets its points of the request together, so that no forecast sees a part of them.
    var parcels: [ObjectIdentifier: (values: PushedValues, places: [Int])] = [:]
    for (place, point) in batch.points.enumerated() {
      var isSelected = false
      for group in groups[point.metric] ?? [] {
        let wanted = group.keys.map { point.attributes[$0] ?? "" }
        for values in (group.followers[wanted] ?? [:]).values {
          parcels[ObjectIdentifier(values), default: (values, [])].places.append(place)
          isSelected = true
        }
      }
      if isSelected { outcome.received += 1 } else { outcome.unselected += 1 }
    }
    var rejected: [Int: PushRejection] = [:]
    for (values, places) in parcels.values {
      for (index, reason) in values.add(places.map { batch.points[$0] }, at: now) { rejected[places[index]] = reason }
    }
    outcome.received -= rejected.count
    for reason in rejected.values { outcome.rejected[reason, default: 0] += 1 }
    return outcome
  }
}
