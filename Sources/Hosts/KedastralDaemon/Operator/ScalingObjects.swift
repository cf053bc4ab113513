import KedastralKubernetes
import KedastralSources

/// KEDA's ScaledObject, as far as the operator reads it.
struct ScaledObject: KubernetesObject {
  static let resource = ResourceType(
    group: "keda.sh", version: "v1alpha1", plural: "scaledobjects", kind: "ScaledObject")

  var metadata: ObjectMetadata
  var spec: JSONValue
}

/// A HorizontalPodAutoscaler, as far as the operator reads it.
struct Autoscaler: KubernetesObject {
  struct Spec: Decodable, Sendable {
    var scaleTargetRef: JSONValue
  }

  struct Status: Decodable, Sendable {
    var currentReplicas: Int?
  }

  static let resource = ResourceType(
    group: "autoscaling", version: "v2", plural: "horizontalpodautoscalers", kind: "HorizontalPodAutoscaler")

  var metadata: ObjectMetadata
  var spec: Spec
  var status: Status?

  /// Whether KEDA created it for a ScaledObject.
  var belongsToScaledObject: Bool {
    metadata.ownerReferences?.contains { $0.kind == ScaledObject.resource.kind } ?? false
  }
}

/// The object that is scaled. Versions of one API group mean the same object.
struct ScaleTarget: Hashable, Sendable, CustomStringConvertible {
  let namespace: String
  let group: String
  let kind: String
  let name: String

  /// The target of a `scaleTargetRef`; nil without a name.
  init?(_ reference: JSONValue, in namespace: String) {
    guard let name = reference["name"].text else { return nil }
    let version = reference["apiVersion"].text ?? "apps/v1"
    self.namespace = namespace
    group = version.contains("/") ? String(version.prefix { $0 != "/" }) : ""
    kind = reference["kind"].text ?? "Deployment"
    self.name = name
  }

  var description: String { "\(kind) '\(name)'" }
}

extension ObjectMetadata {
  /// Whether the object with this identity owns this one.
  func isOwned(by uid: String?) -> Bool {
    uid.map { uid in ownerReferences?.contains { $0.uid == uid } ?? false } ?? false
  }
}

extension JSONValue {
  /// Whether this has everything that `other` has: more members of objects do not matter.
  func covers(_ other: JSONValue) -> Bool {
    switch (self, other) {
    case (.object(let own), .object(let wanted)): wanted.allSatisfy { own[$0.key]?.covers($0.value) ?? false }
    case (.array(let own), .array(let wanted)):
      own.count == wanted.count && zip(own, wanted).allSatisfy { $0.covers($1) }
    default: self == other
    }
  }
}
