import KedastralCore
import KedastralKubernetes
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The Lease by which several forecasters agree which of them writes to the cluster.
///
/// A process counts as the holder for less than the lease's duration after its last successful renewal, so that it stops before
/// another one may begin.
final class OperatorLease: Sendable {
  private let client: KubernetesClient
  private let key: ObjectKey
  private let identity: String
  private let duration: Duration
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let heldUntil = Mutex<Date?>(nil)

  init(
    _ client: KubernetesClient, key: ObjectKey, identity: String, duration: Duration, clock: any WallClock,
    logger: KedastralLogger
  ) {
    self.client = client
    self.key = key
    self.identity = identity
    self.duration = duration
    self.clock = clock
    self.logger = logger
  }

  /// Whether this process holds the lease.
  var isHeld: Bool { heldUntil.withLock { $0.map { clock.now < $0 } ?? false } }

  /// Takes and renews the lease until the task is cancelled, and releases it then.
  func run() async {
    var candidate = LeaseCandidate(key, identity: identity, duration: duration)
    var wasHeld = false
    var problem: String?
    while !Task.isCancelled {
      do {
        try await renew(&candidate)
        problem = nil
      } catch is CancellationError {
        break
      } catch {
        if problem != "\(error)" { logger.warn("the operator's lease cannot be renewed", ["error": "\(error)"]) }
        problem = "\(error)"
      }
      if isHeld != wasHeld {
        wasHeld.toggle()
        logger.info(
          wasHeld ? "this process writes the cluster's objects" : "another process writes the cluster's objects")
      }
      try? await clock.sleep(for: duration / 3)
    }
    if isHeld {
      // The cancelled task cannot send requests any more.
      await Task { [candidate] in await release(candidate) }.value
    }
  }

  private func renew(_ candidate: inout LeaseCandidate) async throws {
    let lease = try await client.get(Lease.self, key)
    // The time counts from before the request: the server may have written it at once.
    let now = clock.now
    guard case .write(let wanted) = candidate.decide(lease, now: now) else {
      heldUntil.withLock { $0 = nil }
      return
    }
    let isWritten = try await client.write(wanted)
    heldUntil.withLock { $0 = isWritten ? now + duration * 0.8 : nil }
  }

  private func release(_ candidate: LeaseCandidate) async {
    guard let lease = try? await client.get(Lease.self, key), let free = candidate.released(lease) else { return }
    _ = try? await client.write(free)
  }
}
