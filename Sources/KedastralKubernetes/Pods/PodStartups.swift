import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A pod, as far as its start-up and its state are concerned.
package struct Pod: KubernetesObject {
  struct Status: Decodable, Sendable {
    struct Condition: Decodable, Sendable {
      var type: String
      var status: String
      var lastTransitionTime: String?
    }

    struct Container: Decodable, Sendable {
      var restartCount: Int?
    }

    var phase: String?
    var conditions: [Condition]?
    var containerStatuses: [Container]?
  }

  package static let resource = ResourceType(version: "v1", plural: "pods", kind: "Pod")

  package var metadata: ObjectMetadata
  var status: Status?

  /// When it was created; nil when that cannot be read.
  var created: Date? { metadata.creationTimestamp.flatMap(Timestamp.parse) }

  /// Whether it runs or starts, and does not end.
  var isRunning: Bool {
    metadata.deletionTimestamp == nil && !["Succeeded", "Failed"].contains(status?.phase ?? "")
  }

  var isReady: Bool { readiness != nil }

  /// The condition of a ready pod.
  private var readiness: Status.Condition? {
    status?.conditions?.first { $0.type == "Ready" && $0.status == "True" }
  }

  /// The seconds from its creation until it was ready. Nil when it is not ready, or when a container was restarted: its readiness
  /// began again then.
  var startupSeconds: Double? {
    guard status?.containerStatuses?.allSatisfy({ $0.restartCount ?? 0 == 0 }) ?? true,
      let created, let since = readiness?.lastTransitionTime.flatMap(Timestamp.parse)
    else { return nil }
    return since.timeIntervalSince(created)
  }
}

/// The start-ups of the pods that were created in the last day, also of those that are gone.
///
/// A pod's readiness can end and begin again, so its shortest start-up counts.
struct PodStartups: Sendable {
  private static let window = Duration.seconds(86_400)
  /// The number of pods that are remembered.
  private static let mostPods = 2000

  private var pods: [String: (created: Date, seconds: Double)] = [:]

  /// The seconds of each pod, in no order.
  var seconds: [Double] { pods.values.map(\.seconds) }

  /// Notes the pods that exist at `now`.
  mutating func note(_ present: [Pod], at now: Date) {
    for pod in present {
      guard let uid = pod.metadata.uid, let created = pod.created, let seconds = pod.startupSeconds else { continue }
      pods[uid] = (created, min(seconds, pods[uid]?.seconds ?? seconds))
    }
    pods = pods.filter { $0.value.created > now - Self.window }
    guard pods.count > Self.mostPods else { return }
    let newest = pods.sorted { $0.value.created > $1.value.created }.prefix(Self.mostPods)
    pods = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
  }
}
