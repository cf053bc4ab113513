/// A Lease of `coordination.k8s.io`, by which processes agree who works.
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

  /// The metadata that is kept when a lease is replaced.
  package struct Head: Codable, Sendable, Equatable {
    var name: String
    var namespace: String?
    var uid: String?
    var resourceVersion: String?
    var labels: [String: String]?
    var annotations: [String: String]?
    var ownerReferences: [ObjectMetadata.Owner]?
  }

  private enum CodingKeys: String, CodingKey {
    case apiVersion, kind, spec
    case head = "metadata"
  }

  package static let resource = ResourceType(
    group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease")

  private var apiVersion: String? = resource.apiVersion
  private var kind: String? = resource.kind
  private var head: Head
  package var spec: Spec?

  /// Creates a lease.
  package init(_ key: ObjectKey) { head = Head(name: key.name, namespace: key.namespace) }

  package var metadata: ObjectMetadata {
    ObjectMetadata(
      name: head.name, namespace: head.namespace, uid: head.uid, resourceVersion: head.resourceVersion,
      labels: head.labels, ownerReferences: head.ownerReferences)
  }

  /// Further facts, by their names.
  package var annotations: [String: String] {
    get { head.annotations ?? [:] }
    set { head.annotations = newValue }
  }
}

extension KubernetesClient {
  /// Creates a lease, or replaces the version of it that was read.
  ///
  /// - Returns: the lease as it was written; nil when another process wrote first.
  package func write(_ lease: Lease) async throws -> Lease? {
    let namespace = lease.metadata.namespace ?? access.namespace
    let body = try Self.json(lease)
    let isNew = lease.metadata.resourceVersion == nil
    let path = Lease.resource.path(namespace: namespace, name: isNew ? nil : lease.metadata.name)
    do {
      let method: Method = isNew ? .create : .replace
      return try decode(Lease.self, from: try await send(method, path, body: body), of: Self.name(method, path))
    } catch let error as KubernetesError where error.status == 409 || error.status == 404 {
      return nil
    }
  }
}
