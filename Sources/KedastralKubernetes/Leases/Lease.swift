/// A Lease of `coordination.k8s.io`, by which processes agree which of them works.
package struct Lease: KubernetesObject, Encodable, Equatable {
  /// Who holds it, and for how long.
  package struct Spec: Codable, Sendable, Equatable {
    package var holderIdentity: String?
    package var leaseDurationSeconds: Int?
    package var acquireTime: String?
    package var renewTime: String?
    package var leaseTransitions: Int?

    /// Creates a specification.
    package init(
      holderIdentity: String? = nil, leaseDurationSeconds: Int? = nil, acquireTime: String? = nil,
      renewTime: String? = nil, leaseTransitions: Int? = nil
    ) {
      self.holderIdentity = holderIdentity
      self.leaseDurationSeconds = leaseDurationSeconds
      self.acquireTime = acquireTime
      self.renewTime = renewTime
      self.leaseTransitions = leaseTransitions
    }
  }

  package static let resource = ResourceType(
    group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease")

  package var apiVersion: String? = resource.apiVersion
  package var kind: String? = resource.kind
  package var metadata: ObjectMetadata
  package var spec: Spec?

  /// Creates a lease.
  package init(metadata: ObjectMetadata, spec: Spec) {
    self.metadata = metadata
    self.spec = spec
  }
}

extension KubernetesClient {
  /// Creates a lease, or replaces the version of it that was read.
  ///
  /// - Returns: whether it was written; false when another process wrote first.
  package func write(_ lease: Lease) async throws -> Bool {
    let namespace = lease.metadata.namespace ?? access.namespace
    let body = try Self.json(lease)
    let isNew = lease.metadata.resourceVersion == nil
    let path = Lease.resource.path(namespace: namespace, name: isNew ? nil : lease.metadata.name)
    do {
      _ = try await send(isNew ? .create : .replace, path, body: body)
      return true
    } catch let error as KubernetesError where error.status == 409 || error.status == 404 {
      return false
    }
  }
}
