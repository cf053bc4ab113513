/// What a plan asked for at one sync, in four bytes: syncs wait for their load in a queue.
struct PlannedSync: Sendable, Equatable {
  private static let replicasMask: UInt32 = (1 << 28) - 1
  private let bits: UInt32

  /// - Parameters:
  ///   - replicas: the requested replicas; nil when the plan was not served.
  ///   - isCapped: whether limits kept the plan below what the load required.
  ///   - isBridged: whether the plan was based on the forecast alone.
  init(replicas: Int?, isCapped: Bool, isBridged: Bool) {
    bits =
      UInt32(min(max(0, replicas ?? 0), Int(Self.replicasMask))) | (replicas == nil ? 0 : 1 << 28)
      | (isCapped ? 1 << 29 : 0) | (isBridged ? 1 << 30 : 0)
  }

  var replicas: Int? { bits & 1 << 28 == 0 ? nil : Int(bits & Self.replicasMask) }
  var isCapped: Bool { bits & 1 << 29 != 0 }
  var isBridged: Bool { bits & 1 << 30 != 0 }
}
