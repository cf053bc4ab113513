import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The replicas that were requested over time: one entry for each change, without the oldest ones.
struct ReplicaTrail: Sendable, Equatable {
  /// From this instant on, until the next entry, so many.
  struct Entry: Sendable, Equatable {
    var instant: Date
    var replicas: Int
  }

  /// How many changes are kept.
  static let capacity = 240

  private(set) var entries: [Entry] = []

  /// Records the requested replicas at `instant`; earlier instants are ignored.
  mutating func record(_ replicas: Int, at instant: Date) {
    if let last = entries.last, last.replicas == replicas || last.instant > instant { return }
    if entries.count == Self.capacity { entries.removeFirst() }
    entries.append(Entry(instant: instant, replicas: replicas))
  }
}
