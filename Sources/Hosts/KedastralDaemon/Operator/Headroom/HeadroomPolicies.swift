import KedastralCore
import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decides what is to be done for the HeadroomPolicies of a cluster: objects go in, requests come out.
///
/// Each has a ScaledObject of its own, whose trigger asks the scaler for placeholder pods, so nothing is forecast for it here.
struct HeadroomPolicies: Sendable {
  /// What else is in the cluster.
  struct Cluster {
    let scaledObjects: [ObjectKey: ScaledObject]
    /// Whether there is a ForecastPolicy.
    let hasPolicy: (ObjectKey) -> Bool
    /// The ForecastPolicy that scales a target.
    let policy: (ScaleTarget) -> ObjectKey?
    /// What else scales a target than the ScaledObject of the object with this identity.
    let scaler: (_ target: ScaleTarget, _ uid: String?) -> String?
    /// Why it is not known what scales a target; nil when it is known.
    let ignorance: String?
  }

  private struct Entry {
    var policy: HeadroomPolicy
    var scaling: HeadroomScaling?
    var problem: PolicyTranslation.Problem?
    var apply = RequestAttempt()
    var written: PolicyStatus?
    var writtenAt: Date?
  }

  private var entries: [ObjectKey: Entry] = [:]

  /// Notes objects as they are on the server.
  mutating func handle(_ event: ObjectFeed<HeadroomPolicy>.Event) {
    switch event {
    case .listed(let list):
      let keys = Set(list.objects.map(\.key)).union(list.unreadable.compactMap(\.key))
      entries = entries.filter { keys.contains($0.key) }
      for policy in list.objects { set(policy) }
    case .changed(let policy): set(policy)
    case .removed(let key): entries[key] = nil
    case .unreadable, .interrupted: break
    }
  }

  private mutating func set(_ policy: HeadroomPolicy) {
    guard policy.metadata.deletionTimestamp == nil else { return entries[policy.key] = nil }
    var entry = Entry(policy: policy)
    if let old = entries[policy.key], old.policy.metadata.uid == policy.metadata.uid {
      entry = old
      entry.policy = policy
    }
    do throws(PolicyTranslation.Problem) {
      (entry.scaling, entry.problem) = (try HeadroomScaling(policy), nil)
    } catch {
      // The ScaledObject stays as it is, as with a ForecastPolicy that becomes invalid.
      entry.problem = error
    }
    entries[policy.key] = entry
  }

  /// Notes what became of the request for an object's ScaledObject.
  mutating func requestEnded(_ key: ObjectKey, error: KubernetesError?) {
    entries[key]?.apply.error = error.map { "\($0)" }
  }

  /// Notes that a status could not be written: it is written again after the usual time.
  mutating func statusWriteFailed(_ key: ObjectKey) { entries[key]?.written = nil }

  /// The requests that are due.
  ///
  /// - Parameter owns: whether this process writes for an object.
  mutating func actions(
    _ settings: PolicyReconciler.Settings, in cluster: Cluster, owns: (ObjectKey) -> Bool, at now: Date
  ) -> [PolicyReconciler.Action] {
    var actions: [PolicyReconciler.Action] = []
    // Of several for one target that with a ScaledObject scales it, else the first.
    var firsts: [ScaleTarget: ObjectKey] = [:]
    let keys = entries.keys.sorted()
    for key in keys.filter({ hasScaledObject($0, in: cluster) }) + keys {
      if let target = entries[key]?.scaling?.target, firsts[target] == nil { firsts[target] = key }
    }
    for key in keys {
      guard let entry = entries[key] else { continue }
      guard owns(key) else {
        // Another process writes it meanwhile.
        entries[key]?.written = nil
        continue
      }
      let obstacle = entry.scaling.flatMap { scaling in
        conflict(scaling.target, entry.policy, first: firsts[scaling.target], in: cluster)
      }
      if cluster.ignorance == nil, obstacle == nil, entry.problem == nil, let scaling = entry.scaling {
        let body = scaling.scaledObject(
          entry.policy, scalerAddress: settings.scalerAddress, settings.authentication)
        let existing = cluster.scaledObjects[key]
        if let existing, existing.spec.covers(body["spec"]) {
          entries[key]?.apply = RequestAttempt()
        } else if entry.apply.mayTry(body, settings, at: now) {
          entries[key]?.apply.start(body, at: now)
          actions.append(.apply(key, body, isOwn: existing != nil))
        }
      }
      actions += statusActions(key, obstacle, settings, in: cluster, at: now)
    }
    return actions
  }

  private func hasScaledObject(_ key: ObjectKey, in cluster: Cluster) -> Bool {
    guard let entry = entries[key], let existing = cluster.scaledObjects[key] else { return false }
    return existing.metadata.isOwned(by: entry.policy.metadata.uid)
  }

  private func conflict(
    _ target: ScaleTarget, _ policy: HeadroomPolicy, first: ObjectKey?, in cluster: Cluster
  ) -> String? {
    if let first, first != policy.key { return "The HeadroomPolicy '\(first.name)' scales the \(target) already." }
    if cluster.hasPolicy(policy.key) {
      let name = policy.key.name
      return "There is a ForecastPolicy '\(name)', whose ScaledObject has the same name; choose another name."
    }
    if cluster.scaledObjects[policy.key] != nil, !hasScaledObject(policy.key, in: cluster) {
      return "There is a ScaledObject '\(policy.key.name)' that does not belong to this policy; it is left as it is."
    }
    if let other = cluster.policy(target) {
      return "The ForecastPolicy '\(other.name)' scales the \(target) already."
    }
    return cluster.scaler(target, policy.metadata.uid).map {
      "The \($0) scales the \(target) already; it is left as it is."
    }
  }

  private mutating func statusActions(
    _ key: ObjectKey, _ conflict: String?, _ settings: PolicyReconciler.Settings, in cluster: Cluster, at now: Date
  ) -> [PolicyReconciler.Action] {
    guard let entry = entries[key] else { return [] }
    var status = PolicyStatus()
    status.observedGeneration = entry.policy.metadata.generation
    if hasScaledObject(key, in: cluster) { status.scaledObjectName = key.name }
    status.conditions = [ready(entry, conflict, in: cluster)]
    let old = entry.written ?? PolicyStatus(entry.policy.status)
    let age = entry.writtenAt.map { now.timeIntervalSince($0) } ?? .infinity
    // The first status is that of the ScaledObject, which is there a moment later.
    guard status.difference(from: old) >= .state, age >= settings.statusInterval.inSeconds,
      status.conditions.first?.reason != "Starting"
    else { return [] }
    let transitions = status.transitions(from: entry.policy.status, at: now)
    let patch = status.patch(of: entry.policy.status, transitions: transitions)
    let body = JSONValue.object([
      "conditions": patch["conditions"], "observedGeneration": patch["observedGeneration"],
      "scaledObjectName": patch["scaledObjectName"],
    ])
    entries[key]?.written = status
    entries[key]?.writtenAt = now
    let event = status.event(since: old, about: HeadroomPolicy.resource, entry.policy.metadata, at: now)
    return [.headroomStatus(key, body, version: entry.policy.metadata.resourceVersion)]
      + [event].compactMap { $0.map(PolicyReconciler.Action.event) }
  }

  private func ready(_ entry: Entry, _ conflict: String?, in cluster: Cluster) -> PolicyCondition {
    if let problem = entry.problem {
      let kept = entry.scaling == nil ? "" : "\nThe ScaledObject stays as it is."
      return PolicyCondition(.ready, .no, "InvalidSpec", "\(problem)\(kept)")
    }
    if let ignorance = cluster.ignorance {
      return PolicyCondition(
        .ready, .unknown, "ObjectsUnknown", "Whether others scale the target is unknown: \(ignorance)")
    }
    if let conflict { return PolicyCondition(.ready, .no, "Conflict", conflict) }
    if let error = entry.apply.error { return PolicyCondition(.ready, .no, "ScaledObjectNotWritten", error) }
    let missing = (entry.scaling?.policies ?? []).filter { !cluster.hasPolicy($0) }
    if !missing.isEmpty {
      let names = missing.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
      return PolicyCondition(
        .ready, .no, "PolicyNotFound", "There is no ForecastPolicy \(names); its pods get no placeholders.")
    }
    return hasScaledObject(entry.policy.key, in: cluster)
      ? PolicyCondition(.ready, .yes, "Applied", "The ScaledObject asks for the placeholder pods.")
      : PolicyCondition(.ready, .unknown, "Starting", "The ScaledObject is being created.")
  }
}
