import KedastralCore
import KedastralKubernetes
import KedastralNet
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads the ForecastPolicies of a cluster for those who look at them. It changes nothing.
package struct PolicyReader: Sendable {
  private let client: KubernetesClient

  /// Whether this process runs in a pod with the token of a service account.
  package static var isInCluster: Bool { (try? ClusterAccess.inCluster()) != nil }

  /// - Parameter kubeconfig: the access to the cluster; nil for the service account of the pod.
  /// - Throws: when the access cannot be used.
  package init(kubeconfig: String?) throws {
    let access = try KubernetesConfiguration(kubeconfig: kubeconfig).access()
    client = KubernetesClient(access, http: try HTTPClient(on: try EventLoop()), settings: .init(attempts: 2))
  }

  /// Which policies are listed.
  package struct Filter: Sendable {
    /// The namespace; nil for all.
    package var namespace: String?
    /// A part of the name; empty for all.
    package var name = ""
    /// Values of the condition Ready; empty for all.
    package var ready: [String] = []

    /// Creates a filter for all policies.
    package init() {}
  }

  /// An overview of each policy, sorted by namespace and name.
  package func list(_ filter: Filter) async throws -> [JSONValue] {
    try await client.list(ForecastPolicy.self, namespace: filter.namespace).objects
      .filter { filter.name.isEmpty || $0.key.name.contains(filter.name.lowercased()) }
      .filter { filter.ready.isEmpty || filter.ready.contains(Self.ready($0)["status"].text ?? "Unknown") }
      .sorted { ($0.key.namespace, $0.key.name) < ($1.key.namespace, $1.key.name) }
      .map(Self.overview)
  }

  /// One policy with its fields and its status; nil when there is none.
  package func policy(_ name: String, in namespace: String) async throws -> JSONValue? {
    guard let policy = try await client.get(ForecastPolicy.self, ObjectKey(namespace: namespace, name: name)) else {
      return nil
    }
    var members = Self.overview(policy).members ?? [:]
    members["spec"] = policy.spec
    members["status"] = policy.status ?? .null
    return .object(members)
  }

  private static func ready(_ policy: ForecastPolicy) -> JSONValue {
    policy.status?["conditions"].elements?.first { $0["type"].text == "Ready" } ?? .null
  }

  private static func overview(_ policy: ForecastPolicy) -> JSONValue {
    let (spec, status, ready) = (policy.spec, policy.status ?? .null, ready(policy))
    return .object([
      "namespace": .string(policy.key.namespace), "name": .string(policy.key.name),
      "target": .string(
        "\(spec["scaleTargetRef"]["kind"].text ?? "Deployment")/\(spec["scaleTargetRef"]["name"].text ?? "")"),
      "metric": spec["metric"], "model": spec["model"]["type"], "dryRun": .bool(spec["dryRun"].bool ?? false),
      "workload": status["workload"], "ready": ready["status"], "reason": ready["reason"], "message": ready["message"],
      "currentLoad": status["currentLoad"], "currentReplicas": status["currentReplicas"],
      "desiredReplicas": status["desiredReplicas"], "lastForecastTime": status["lastForecastTime"],
    ])
  }
}
