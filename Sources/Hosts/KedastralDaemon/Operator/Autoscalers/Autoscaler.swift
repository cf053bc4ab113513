import KedastralCore
import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A HorizontalPodAutoscaler, as far as the operator reads it.
struct Autoscaler: KubernetesObject, Equatable {
  struct Spec: Decodable, Sendable, Equatable {
    var scaleTargetRef: JSONValue
    var minReplicas: Int?
    var maxReplicas: Int?
  }

  struct Status: Decodable, Sendable, Equatable {
    var currentReplicas: Int?
  }

  static let resource = ResourceType(
    group: "autoscaling", version: "v2", plural: "horizontalpodautoscalers", kind: "HorizontalPodAutoscaler")

  /// The name under which the API server records who has raised `minReplicas`.
  static let fieldManager = "kedastral-min-replicas"

  var metadata: ObjectMetadata
  var spec: Spec
  var status: Status?
  /// What has been noted there when `minReplicas` was raised.
  var raise: MinimumRaise?

  /// The ScaledObject for which KEDA created it.
  var scaledObjectName: String? {
    metadata.ownerReferences?.first { $0.kind == ScaledObject.resource.kind }?.name
  }

  /// The number of replicas below which it does not go; the API server's default is 1.
  var minimum: Int { spec.minReplicas ?? 1 }

  /// `minReplicas` without a raise. A value that somebody has set after the raise counts as theirs.
  var ownMinimum: Int {
    guard let raise, raise.raised == minimum else { return minimum }
    return min(raise.before, spec.maxReplicas ?? raise.before)
  }
}

extension Autoscaler: Decodable {
  private enum Key: CodingKey { case metadata, spec, status }

  /// The annotations, of which one matters: others may be long.
  private struct Annotated: Decodable {
    struct Annotations: Decodable {
      enum CodingKeys: String, CodingKey { case raise = "kedastral.io/min-replicas" }

      var raise: String?
    }

    var annotations: Annotations?
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    metadata = try container.decode(ObjectMetadata.self, forKey: .metadata)
    spec = try container.decode(Spec.self, forKey: .spec)
    status = try container.decodeIfPresent(Status.self, forKey: .status)
    raise = try container.decode(Annotated.self, forKey: .metadata).annotations?.raise.flatMap { MinimumRaise($0) }
  }
}

/// What the operator notes on an autoscaler when it raises its `minReplicas`, so that every process can give it back.
struct MinimumRaise: Codable, Sendable, Equatable {
  static let annotation = "kedastral.io/min-replicas"

  /// The policy, in the namespace of the autoscaler.
  let policy: String
  /// `minReplicas` as others have set it.
  let before: Int
  /// `minReplicas` as the operator has set it.
  let raised: Int

  init(policy: String, before: Int, raised: Int) {
    (self.policy, self.before, self.raised) = (policy, before, raised)
  }

  /// Reads the annotation; nil when the operator has not written it.
  init?(_ text: String) {
    guard let note = try? JSONDecoder().decode(MinimumRaise.self, from: Data(text.utf8)), note.before >= 0,
      note.before < note.raised
    else { return nil }
    self = note
  }

  /// The annotation's value.
  var text: String {
    (try? JSONEncoder.stable.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}

extension Autoscaler {
  /// What is to be done to `minReplicas`.
  enum Change: Sendable, Equatable {
    case raise(MinimumRaise)
    /// Set it to what it was, and forget the raise.
    case giveBack(Int)
  }

  /// What makes `minReplicas` at least the planned replicas, within the autoscaler's own limits; nil when nothing has to change.
  ///
  /// - Parameters:
  ///   - replicas: the planned replicas; nil when no plan applies.
  ///   - policy: the policy whose plan it is.
  func change(to replicas: Int?, for policy: String) -> Change? {
    let before = ownMinimum
    let floor = replicas.map { max(before, min($0, spec.maxReplicas ?? $0)) } ?? before
    guard floor > before else { return raise == nil ? nil : .giveBack(before) }
    let wanted = MinimumRaise(policy: policy, before: before, raised: floor)
    return raise == wanted && minimum == floor ? nil : .raise(wanted)
  }

  /// The object to send: it names the version that was read, so that nothing is overwritten that somebody has changed
  /// meanwhile, and the identity, so that an apply never creates an autoscaler.
  func body(_ change: Change) -> JSONValue {
    let (replicas, note): (Int, JSONValue) =
      switch change {
      case .raise(let raise): (raise.raised, .string(raise.text))
      case .giveBack(let before): (before, .null)
      }
    var members: [String: JSONValue] = [
      "name": .string(metadata.name), "annotations": .object([MinimumRaise.annotation: note]),
    ]
    members["namespace"] = metadata.namespace.map(JSONValue.string)
    members["uid"] = .string(metadata.uid ?? "")
    members["resourceVersion"] = metadata.resourceVersion.map(JSONValue.string)
    return .object([
      "apiVersion": .string(Self.resource.apiVersion), "kind": .string(Self.resource.kind),
      "metadata": .object(members), "spec": ["minReplicas": .number(Double(replicas))],
    ])
  }
}

extension KubernetesClient {
  /// Raises the `minReplicas` of an autoscaler, or gives it back.
  ///
  /// A raise is a server-side apply by a manager of its own, which takes over this field and the note, and nothing else. Applying
  /// without the field would then remove it, which means 1; so what is given back is written, and no applied field is left.
  func change(_ autoscaler: Autoscaler, _ change: Autoscaler.Change) async throws {
    let body = autoscaler.body(change)
    switch change {
    case .raise:
      try await apply(
        Autoscaler.resource, autoscaler.key, body, fieldManager: Autoscaler.fieldManager, force: true)
    case .giveBack:
      try await patch(Autoscaler.resource, autoscaler.key, body, fieldManager: Autoscaler.fieldManager)
    }
  }
}
