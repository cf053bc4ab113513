import KedastralSources

/// A type of objects: where the API server has them.
package struct ResourceType: Sendable, Hashable {
  /// The API group; empty for the core group.
  package let group: String
  /// The version in the group.
  package let version: String
  /// The name of the type in paths, in the plural.
  package let plural: String
  /// The name of the type in objects.
  package let kind: String

  /// Describes a type.
  package init(group: String = "", version: String, plural: String, kind: String) {
    self.group = group
    self.version = version
    self.plural = plural
    self.kind = kind
  }

  /// `apiVersion` as objects have it.
  package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

  /// The path of one object, of all objects in a namespace, or of all objects.
  ///
  /// Names come from objects, so everything that is not part of a name is percent-encoded.
  package func path(namespace: String?, name: String? = nil, subresource: String? = nil) -> String {
    var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
    if let namespace { path += "/namespaces/\(FormEncoding.encoded(namespace))" }
    path += "/\(plural)"
    if let name { path += "/\(FormEncoding.encoded(name))" }
    if let subresource { path += "/\(subresource)" }
    return path
  }
}

/// An object of the API with its metadata.
package protocol KubernetesObject: Decodable, Sendable {
  /// Its type.
  static var resource: ResourceType { get }
  /// Its metadata.
  var metadata: ObjectMetadata { get }
}

/// Namespace and name, which together identify an object of one type.
package struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The namespace; empty for objects of the whole cluster.
  package let namespace: String
  /// The name.
  package let name: String

  /// Creates a key.
  package init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  package var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

  package static func < (left: ObjectKey, right: ObjectKey) -> Bool {
    (left.namespace, left.name) < (right.namespace, right.name)
  }
}

/// An object's metadata, as far as it is used here.
package struct ObjectMetadata: Codable, Sendable, Equatable {
  /// A reference to the object that this one belongs to.
  package struct Owner: Codable, Sendable, Equatable {
    package var apiVersion: String
    package var kind: String
    package var name: String
    package var uid: String
    package var controller: Bool?
    package var blockOwnerDeletion: Bool?

    /// Creates a reference.
    package init(
      apiVersion: String, kind: String, name: String, uid: String, controller: Bool? = nil,
      blockOwnerDeletion: Bool? = nil
    ) {
      self.apiVersion = apiVersion
      self.kind = kind
      self.name = name
      self.uid = uid
      self.controller = controller
      self.blockOwnerDeletion = blockOwnerDeletion
    }
  }

  package var name: String
  package var namespace: String?
  package var uid: String?
  package var resourceVersion: String?
  package var generation: Int?
  package var creationTimestamp: String?
  package var deletionTimestamp: String?
  package var labels: [String: String]?
  package var ownerReferences: [Owner]?

  /// Creates metadata.
  package init(
    name: String, namespace: String? = nil, uid: String? = nil, resourceVersion: String? = nil, generation: Int? = nil,
    labels: [String: String]? = nil, ownerReferences: [Owner]? = nil
  ) {
    self.name = name
    self.namespace = namespace
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.generation = generation
    self.labels = labels
    self.ownerReferences = ownerReferences
  }

  /// Namespace and name.
  package var key: ObjectKey { ObjectKey(namespace: namespace ?? "", name: name) }
}

extension KubernetesObject {
  /// Namespace and name.
  package var key: ObjectKey { metadata.key }
}

/// Parameters of a request.
enum QueryText {
  /// Parameters with a leading question mark; those without a value are left out.
  static func query(_ parameters: [(name: String, value: String?)]) -> String {
    let given = parameters.compactMap { name, value in value.map { (name: name, value: $0) } }
    return given.isEmpty ? "" : "?" + String(decoding: FormEncoding.encode(given), as: UTF8.self)
  }
}
