import KedastralCore
import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the statuses of data sources say: whether their settings are valid, their credentials can be read, and they respond to the
/// policies that use them.
struct SourceStatuses: Sendable {
  /// A policy that uses a source.
  struct Use: Sendable {
    let policy: ObjectKey
    let workload: WorkloadName?
    /// Whether the source responds to it.
    let isReachable: PolicyCondition?
  }

  private struct Entry {
    var metadata: ObjectMetadata
    var status: JSONValue?
    var written: PolicyStatus?
    var writtenAt: Date?
    var seenAt: Date
  }

  private var entries: [SourceReference: Entry] = [:]

  /// Notes an object as it is on the server.
  mutating func note(_ reference: SourceReference, _ metadata: ObjectMetadata, _ status: JSONValue?, at now: Date) {
    guard entries[reference]?.metadata.uid == metadata.uid, entries[reference] != nil else {
      entries[reference] = Entry(metadata: metadata, status: status, seenAt: now)
      return
    }
    entries[reference]?.metadata = metadata
    entries[reference]?.status = status
  }

  mutating func remove(_ reference: SourceReference) { entries[reference] = nil }

  /// Notes that a status could not be written: it is written again after the usual time.
  mutating func writeFailed(_ reference: SourceReference) { entries[reference]?.written = nil }

  /// The writes that are due: a status is written when a condition has changed, not with each forecast.
  ///
  /// - Parameters:
  ///   - uses: the policies that use a source, in order.
  ///   - problems: why Secrets of sources cannot be read, or what is wrong with the sources themselves.
  ///   - owns: whether this process writes the status of a source, whose first user has this workload.
  mutating func actions(
    _ settings: PolicyReconciler.Settings, uses: [SourceReference: [Use]],
    problems: [SourceReference: PolicyTranslation.Problem],
    owns: (SourceReference, WorkloadName?) -> Bool, at now: Date
  ) -> [PolicyReconciler.Action] {
    var actions: [PolicyReconciler.Action] = []
    for reference in entries.keys.sorted(by: { "\($0.isClusterWide)\($0.key)" < "\($1.isClusterWide)\($1.key)" }) {
      guard let entry = entries[reference] else { continue }
      let users = uses[reference] ?? []
      guard owns(reference, users.first?.workload) else {
        entries[reference]?.written = nil
        continue
      }
      let status = Self.status(entry.metadata, users, problems[reference])
      let old = entry.written ?? PolicyStatus(entry.status)
      guard status.difference(from: old) >= .state else { continue }
      let age = entry.writtenAt.map { now.timeIntervalSince($0) } ?? .infinity
      guard age >= settings.statusInterval.inSeconds else { continue }
      // The first requests are under way.
      let isStarting = status.condition(.ready)?.reason == "NoRequest" && entry.writtenAt == nil
      if isStarting, now.timeIntervalSince(entry.seenAt) < settings.startGrace.inSeconds { continue }
      let patch = status.patch(of: entry.status, transitions: status.transitions(from: entry.status, at: now))
      let body = JSONValue.object([
        "conditions": patch["conditions"], "observedGeneration": patch["observedGeneration"],
      ])
      entries[reference]?.written = status
      entries[reference]?.writtenAt = now
      actions.append(.sourceStatus(reference, body, version: entry.metadata.resourceVersion))
      if let event = status.event(since: old, about: reference.resource, entry.metadata, at: now) {
        actions.append(.event(event))
      }
    }
    return actions
  }

  private static func status(
    _ metadata: ObjectMetadata, _ users: [Use], _ problem: PolicyTranslation.Problem?
  ) -> PolicyStatus {
    let reachable = reachable(users)
    let ready =
      if let problem {
        PolicyCondition(
          .ready, .no, problem.kind == .credentialsNotFound ? "CredentialsNotFound" : "InvalidSpec", "\(problem)")
      } else {
        PolicyCondition(.ready, reachable.status, reachable.reason, reachable.message)
      }
    var status = PolicyStatus()
    status.observedGeneration = metadata.generation
    status.conditions = [ready, reachable]
    return status
  }

  /// One policy's query may be wrong, so the source counts as unreachable when it responds to none.
  private static func reachable(_ users: [Use]) -> PolicyCondition {
    guard !users.isEmpty else {
      return PolicyCondition(.sourceReachable, .unknown, "NotUsed", "No ForecastPolicy uses this source.")
    }
    let answers = users.compactMap(\.isReachable)
    let failures = answers.filter { $0.status == .no }
    if answers.contains(where: { $0.status == .yes }) {
      return failures.isEmpty
        ? PolicyCondition(.sourceReachable, .yes, "SamplesReceived", "The source responds.")
        : PolicyCondition(
          .sourceReachable, .yes, "SomeRequestsFail",
          "The source responds, but not to \(failures.count) of \(users.count) policies: \(failures[0].message)")
    }
    if let failure = failures.first {
      return PolicyCondition(.sourceReachable, .no, "RequestFailed", failure.message)
    }
    return PolicyCondition(.sourceReachable, .unknown, "NoRequest", "The source has not been requested yet.")
  }
}

extension SourceReference {
  var resource: ResourceType { isClusterWide ? ClusterDataSource.resource : DataSource.resource }
}
