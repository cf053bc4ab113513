import KedastralKubernetes
import KedastralSources

/// A workload to forecast, and the object that its plan scales.
struct ForecastPolicy: KubernetesObject, Equatable {
  static let resource = ResourceType(
    group: "kedastral.io", version: "v1alpha1", plural: "forecastpolicies", kind: "ForecastPolicy")

  var metadata: ObjectMetadata
  var spec: JSONValue
  var status: JSONValue?
}

/// A source of metrics for the policies of its namespace.
struct DataSource: KubernetesObject, Equatable {
  static let resource = ResourceType(
    group: "kedastral.io", version: "v1alpha1", plural: "datasources", kind: "DataSource")

  var metadata: ObjectMetadata
  var spec: JSONValue
  var status: JSONValue?
}

/// A source of metrics for the policies of all namespaces.
struct ClusterDataSource: KubernetesObject, Equatable {
  static let resource = ResourceType(
    group: "kedastral.io", version: "v1alpha1", plural: "clusterdatasources", kind: "ClusterDataSource")

  var metadata: ObjectMetadata
  var spec: JSONValue
  var status: JSONValue?
}

/// An object that describes a source of metrics.
protocol SourceObject: KubernetesObject {
  /// Whether policies of all namespaces may refer to it.
  static var isClusterWide: Bool { get }
  var spec: JSONValue { get }
  var status: JSONValue? { get }
}

extension DataSource: SourceObject {
  static let isClusterWide = false
}

extension ClusterDataSource: SourceObject {
  static let isClusterWide = true
}

/// Which source of metrics a policy refers to.
struct SourceReference: Hashable, Sendable, CustomStringConvertible {
  /// Whether it is a ClusterDataSource.
  let isClusterWide: Bool
  let key: ObjectKey

  /// The source that a `dataSourceRef` of a policy means; nil when it has no name.
  init?(_ reference: JSONValue, in namespace: String) {
    guard let name = reference["name"].text else { return nil }
    isClusterWide = reference["kind"].text == "ClusterDataSource"
    key = ObjectKey(namespace: isClusterWide ? "" : namespace, name: name)
  }

  init<Source: SourceObject>(_ source: Source) { self.init(Source.self, source.key) }

  init<Source: SourceObject>(_ type: Source.Type, _ key: ObjectKey) {
    isClusterWide = type.isClusterWide
    self.key = isClusterWide ? ObjectKey(namespace: "", name: key.name) : key
  }

  var description: String { "\(isClusterWide ? "ClusterDataSource" : "DataSource") '\(key.name)'" }
}

/// A source of metrics as an object describes it, with the contents of the Secrets and the ConfigMap that it refers to.
struct DescribedSource: Sendable, Equatable {
  var spec: JSONValue
  var credentials = SourceCredentials()
}

/// The contents of the Secrets and the ConfigMap of a source.
struct SourceCredentials: Sendable, Equatable {
  var token: Secret?
  var user: String?
  var password: Secret?
  var tls = TLSTexts()
}
