import KedastralCore
import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The autoscalers of a cluster, and the requests that raise their `minReplicas` and give it back.
///
/// What has been raised is noted on the autoscalers alone, so an autoscaler whose policy has been deleted is given back by any process
/// that sees it, also after none has been running.
struct RaisedMinimums: Sendable {
  /// What a policy's plan requires of the autoscaler of its target.
  enum Wish: Sendable, Equatable {
    case replicas(Int)
    /// It is not known yet, so that nothing is changed.
    case unknown
  }

  struct Settings: Sendable {
    /// The shortest time between two writes of one autoscaler: its controller reads it as often.
    var interval = Duration.seconds(15)
    /// Writes per second, of all autoscalers together.
    var writesPerSecond = 10.0
    /// How many writes may be sent at once.
    var burst = 100.0
    /// The shortest wait after a request that failed or did not help; it doubles.
    var retryInterval = Duration.seconds(10)
    var longestRetryInterval = Duration.seconds(600)
  }

  private struct Known {
    let object: Autoscaler
    let target: ScaleTarget?
  }

  /// The latest request for an autoscaler.
  private struct Attempt {
    let change: Autoscaler.Change
    let version: String?
    let at: Date
    var failures = 0
    var isConflict = false
    var error: String?
  }

  private let settings: Settings
  private var known: [ObjectKey: Known] = [:]
  private var byTarget: [ScaleTarget: Set<ObjectKey>] = [:]
  private var attempts: [ObjectKey: Attempt] = [:]
  private var tokens: TokenBucket

  init(_ settings: Settings = Settings()) {
    self.settings = settings
    tokens = TokenBucket(rate: settings.writesPerSecond, burst: settings.burst)
  }

  // MARK: Objects

  mutating func replaceAll(_ objects: [Autoscaler]) {
    (known, byTarget) = ([:], [:])
    for object in objects { set(object) }
    attempts = attempts.filter { known[$0.key] != nil }
  }

  mutating func set(_ object: Autoscaler) {
    forget(object.key)
    guard object.metadata.deletionTimestamp == nil else { return }
    let target = ScaleTarget(object.spec.scaleTargetRef, in: object.key.namespace)
    known[object.key] = Known(object: object, target: target)
    if let target { byTarget[target, default: []].insert(object.key) }
  }

  mutating func remove(_ key: ObjectKey) {
    forget(key)
    attempts[key] = nil
  }

  private mutating func forget(_ key: ObjectKey) {
    guard let target = known.removeValue(forKey: key)?.target else { return }
    byTarget[target]?.remove(key)
    if byTarget[target]?.isEmpty == true { byTarget[target] = nil }
  }

  /// The autoscalers of a target, by name.
  func autoscalers(of target: ScaleTarget) -> [Autoscaler] {
    (byTarget[target] ?? []).compactMap { known[$0]?.object }.sorted { $0.key.name < $1.key.name }
  }

  /// The first autoscaler of a target that KEDA did not create.
  func firstForeign(of target: ScaleTarget) -> String? {
    autoscalers(of: target).first { $0.scaledObjectName == nil }?.key.name
  }

  /// How many replicas a target has, when its autoscaler last looked: of two the one that KEDA has made.
  func replicas(of target: ScaleTarget) -> Int? {
    let all = autoscalers(of: target).filter { $0.status?.currentReplicas != nil }
    let replicas = (all.first { $0.scaledObjectName != nil } ?? all.first)?.status?.currentReplicas
    return replicas.map { RunningPods(replicas: $0).bounded }
  }

  // MARK: Requests

  /// The requests that are due.
  ///
  /// - Parameters:
  ///   - wishes: what the policies for which this process acts require, by target. The autoscalers of other targets are given back.
  ///   - mayGiveBack: whether this process acts for a policy that requires nothing, and knows that.
  mutating func changes(
    _ wishes: [ScaleTarget: (policy: ObjectKey, wish: Wish)], mayGiveBack: (ObjectKey) -> Bool, at now: Date
  ) -> [(autoscaler: Autoscaler, change: Autoscaler.Change)] {
    tokens.refill(at: now)
    var due: [(autoscaler: Autoscaler, change: Autoscaler.Change)] = []
    for (target, keys) in byTarget {
      let wish = wishes[target]
      for key in keys {
        guard let object = known[key]?.object, object.scaledObjectName == nil,
          wish != nil || object.raise != nil
        else { continue }
        guard let change = change(of: object, wish, mayGiveBack) else {
          attempts[key]?.error = nil
          continue
        }
        if mayTry(key, change, object.metadata.resourceVersion, at: now) { due.append((object, change)) }
      }
    }
    // Raises come first: pods that are missing cost more than pods that are not needed.
    due.sort { order($0) < order($1) }
    let sent = Array(due.prefix(tokens.available))
    for (object, change) in sent { start(object, change, at: now) }
    tokens.take(sent.count)
    return sent
  }

  private func change(
    of object: Autoscaler, _ wish: (policy: ObjectKey, wish: Wish)?, _ mayGiveBack: (ObjectKey) -> Bool
  ) -> Autoscaler.Change? {
    switch wish?.wish {
    case .unknown: return nil
    case .replicas(let replicas): return object.change(to: replicas, for: wish?.policy.name ?? "")
    case nil:
      guard let raise = object.raise,
        mayGiveBack(ObjectKey(namespace: object.key.namespace, name: raise.policy))
      else { return nil }
      return object.change(to: nil, for: raise.policy)
    }
  }

  private func order(_ request: (autoscaler: Autoscaler, change: Autoscaler.Change)) -> (Int, Date, String) {
    let isRaise =
      if case .raise(let raise) = request.change { raise.raised > request.autoscaler.minimum } else { false }
    let key = request.autoscaler.key
    return (isRaise ? 0 : 1, attempts[key]?.at ?? .distantPast, "\(key)")
  }

  private func mayTry(_ key: ObjectKey, _ change: Autoscaler.Change, _ version: String?, at now: Date) -> Bool {
    guard let attempt = attempts[key] else { return true }
    let age = now.timeIntervalSince(attempt.at)
    // A clock that was set back must not stop it.
    guard age >= 0 else { return true }
    if attempt.change == change && attempt.version == version {
      return age >= settings.retryInterval.doubled(attempt.failures, atMost: settings.longestRetryInterval).inSeconds
    }
    return attempt.isConflict || age >= settings.interval.inSeconds
  }

  private mutating func start(_ object: Autoscaler, _ change: Autoscaler.Change, at now: Date) {
    let version = object.metadata.resourceVersion
    let old = attempts[object.key]
    let isRepeated = old?.change == change && old?.version == version
    attempts[object.key] = Attempt(
      change: change, version: version, at: now, failures: isRepeated ? (old?.failures ?? 0) + 1 : 0, error: old?.error)
  }

  /// Notes what became of a request.
  mutating func requestEnded(_ key: ObjectKey, error: KubernetesError?) {
    // Somebody has changed the object meanwhile; the watch shows what, and then it is written again.
    attempts[key]?.isConflict = error?.status == 409
    attempts[key]?.error = error?.status == 409 ? nil : error.map { "\($0)" }
  }

  /// Why the latest request for an autoscaler failed.
  func error(of key: ObjectKey) -> String? { attempts[key]?.error }
}
