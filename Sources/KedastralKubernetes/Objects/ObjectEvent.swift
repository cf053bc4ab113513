/// An event about an object, as `kubectl describe` shows it.
package struct ObjectEvent: Encodable, Sendable, Equatable {
  /// The kind of an event.
  package enum Kind: String, Encodable, Sendable {
    case normal = "Normal"
    case warning = "Warning"
  }

  /// The object that the event is about.
  package struct Subject: Encodable, Sendable, Equatable {
    let apiVersion: String
    let kind: String
    let namespace: String
    let name: String
    let uid: String?
  }

  package struct Metadata: Encodable, Sendable, Equatable {
    let generateName: String
    let namespace: String
  }

  private struct Source: Encodable, Sendable, Equatable {
    let component = "kedastral"
  }

  /// The type of events.
  package static let resource = ResourceType(version: "v1", plural: "events", kind: "Event")

  private let apiVersion = "v1"
  private let kind = "Event"
  private let metadata: Metadata
  private let involvedObject: Subject
  /// Whether it is a warning.
  package let type: Kind
  private let source = Source()
  private let firstTimestamp: String
  private let lastTimestamp: String
  private let count = 1
  /// Why, in one word.
  package let reason: String
  /// What happened.
  package let message: String

  /// Creates an event.
  ///
  /// - Parameters:
  ///   - time: the instant in RFC 3339.
  ///   - reason: one word in UpperCamelCase.
  ///   - message: a sentence; cut at 1024 bytes, which the server allows.
  package init(
    _ kind: Kind, about resource: ResourceType, _ object: ObjectMetadata, reason: String, message: String, time: String
  ) {
    let namespace = object.namespace ?? "default"
    type = kind
    metadata = Metadata(generateName: "\(object.name.prefix(200)).", namespace: namespace)
    involvedObject = Subject(
      apiVersion: resource.apiVersion, kind: resource.kind, namespace: namespace, name: object.name, uid: object.uid)
    firstTimestamp = time
    lastTimestamp = time
    self.reason = reason
    self.message = String(decoding: message.utf8.prefix(1000), as: UTF8.self)
  }

  /// The namespace that the event belongs to.
  package var namespace: String { metadata.namespace }
}
