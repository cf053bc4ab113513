import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One process that wants a lease: what it has seen goes in, what it writes comes out.
///
/// Clocks of two machines may differ, so the time that another process wrote is never compared with the own clock: a lease
/// has expired when this process has seen it unchanged for its duration.
package struct LeaseCandidate: Sendable {
  /// What is to be done.
  package enum Decision: Sendable, Equatable {
    /// Write this lease; it is held once that has succeeded.
    case write(Lease)
    /// Another process holds it.
    case wait
  }

  private let key: ObjectKey
  private let identity: String
  private let duration: Duration
  private var seen: (spec: Lease.Spec, at: Date)?

  /// - Parameters:
  ///   - key: the lease.
  ///   - identity: this process, unique among the candidates.
  ///   - duration: how long the lease is held without a renewal; renew after a third of it. At least one second.
  package init(_ key: ObjectKey, identity: String, duration: Duration) {
    self.key = key
    self.identity = identity
    self.duration = max(.seconds(1), duration)
  }

  /// Decides by the lease as it was just read; nil when there is none.
  package mutating func decide(_ lease: Lease?, now: Date) -> Decision {
    guard var lease else {
      return .write(Lease(metadata: .init(name: key.name, namespace: key.namespace), spec: taken(now, 0)))
    }
    let spec = lease.spec ?? Lease.Spec()
    if seen?.spec != spec { seen = (spec, now) }
    if spec.holderIdentity == identity {
      lease.spec = spec
      lease.spec?.renewTime = Self.text(now)
      lease.spec?.leaseDurationSeconds = Int(duration.components.seconds)
      return .write(lease)
    }
    let isFree = (spec.holderIdentity ?? "").isEmpty
    let age = seen.map { now.timeIntervalSince($0.at) } ?? 0
    guard isFree || age >= Double(max(1, spec.leaseDurationSeconds ?? 1)) else { return .wait }
    lease.spec = taken(now, (spec.leaseTransitions ?? 0) &+ 1)
    return .write(lease)
  }

  /// The lease without a holder, so that another process need not wait for its end; nil when this process does not hold it.
  package func released(_ lease: Lease) -> Lease? {
    guard lease.spec?.holderIdentity == identity else { return nil }
    var lease = lease
    lease.spec?.holderIdentity = ""
    lease.spec?.leaseDurationSeconds = 1
    return lease
  }

  private func taken(_ now: Date, _ transitions: Int) -> Lease.Spec {
    Lease.Spec(
      holderIdentity: identity, leaseDurationSeconds: Int(duration.components.seconds), acquireTime: Self.text(now),
      renewTime: Self.text(now), leaseTransitions: transitions)
  }

  /// An instant as Kubernetes' MicroTime.
  static func text(_ instant: Date) -> String {
    let whole = instant.timeIntervalSince1970.rounded(.down)
    let micros = Int((instant.timeIntervalSince1970 - whole) * 1_000_000)
    let digits = String(micros)
    let seconds = Date(timeIntervalSince1970: whole).formatted(.iso8601)
    return "\(seconds.dropLast()).\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)Z"
  }
}
