import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A pod, as far as its start-up is concerned.
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

    var conditions: [Condition]?
    var containerStatuses: [Container]?
  }

  package static let resource = ResourceType(version: "v1", plural: "pods", kind: "Pod")

  package var metadata: ObjectMetadata
  var status: Status?

  /// When it was created; nil when that cannot be read.
  var created: Date? { metadata.creationTimestamp.flatMap(Timestamp.parse) }

  /// The seconds from its creation until it was ready. Nil when it is not ready, or when a container was restarted: its readiness
  /// began again then.
  var startupSeconds: Double? {
    guard status?.containerStatuses?.allSatisfy({ $0.restartCount ?? 0 == 0 }) ?? true,
      let ready = status?.conditions?.first(where: { $0.type == "Ready" && $0.status == "True" }),
      let created, let since = ready.lastTransitionTime.flatMap(Timestamp.parse)
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

/// Reads the pods of an object from the Kubernetes API: the selector from its subresource `scale`, then the pods.
package actor PodStartupReader: StartupSource {
  /// An object whose pods cannot be distinguished from others.
  struct NoSelector: Error, CustomStringConvertible {
    let resource: ResourceType
    let key: ObjectKey
    var description: String { "the \(resource.kind) '\(key)' has no selector of pods in its scale" }
  }

  private let client: KubernetesClient
  private let resource: ResourceType
  private let key: ObjectKey
  private var startups = PodStartups()

  /// Creates a reader.
  ///
  /// - Parameters:
  ///   - resource: the type of the object.
  ///   - key: its namespace and name.
  package init(_ client: KubernetesClient, podsOf resource: ResourceType, _ key: ObjectKey) {
    self.client = client
    self.resource = resource
    self.key = key
  }

  package func startupSeconds(at now: Date) async throws -> [Double] {
    guard let selector = try await client.podSelector(of: resource, key), !selector.isEmpty else {
      throw NoSelector(resource: resource, key: key)
    }
    let pods = try await client.list(Pod.self, namespace: key.namespace, labelSelector: selector)
    startups.note(pods.objects, at: now)
    return startups.seconds
  }
}
