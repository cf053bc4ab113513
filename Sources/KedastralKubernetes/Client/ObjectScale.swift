/// What the subresource `scale` of an object says.
package struct ObjectScale: Decodable, Sendable {
  struct Spec: Decodable, Sendable {
    let replicas: Int?
  }

  struct Status: Decodable, Sendable {
    let selector: String?
    let replicas: Int?
  }

  let spec: Spec?
  let status: Status?

  /// The selector of its pods; nil when it has none.
  var selector: String? { status?.selector.flatMap { $0.isEmpty ? nil : $0 } }

  /// The pods that it has, or else that it is to have; nil when it says neither.
  package var replicas: Int? { status?.replicas ?? spec?.replicas }
}
