/// One line of a watch.
enum WatchEvent<Object: KubernetesObject>: Decodable, Sendable {
  /// An object was created or changed.
  case changed(Tolerant<Object>, version: String)
  /// An object was deleted.
  case deleted(ObjectKey, version: String)
  /// Nothing happened up to this version.
  case bookmark(version: String)
  /// The server ends the watch.
  case failed(KubernetesError.Reason)

  private enum CodingKeys: String, CodingKey {
    case type, object
  }

  private struct Envelope: Decodable {
    let metadata: ObjectMetadata
  }

  private struct BookmarkObject: Decodable {
    struct Metadata: Decodable {
      let resourceVersion: String
    }

    let metadata: Metadata
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let type = try values.decode(String.self, forKey: .type)
    switch type {
    case "ADDED", "MODIFIED":
      let version = try values.decode(BookmarkObject.self, forKey: .object).metadata.resourceVersion
      self = .changed(try values.decode(Tolerant<Object>.self, forKey: .object), version: version)
    case "DELETED":
      let metadata = try values.decode(Envelope.self, forKey: .object).metadata
      self = .deleted(metadata.key, version: metadata.resourceVersion ?? "")
    case "BOOKMARK":
      self = .bookmark(version: try values.decode(BookmarkObject.self, forKey: .object).metadata.resourceVersion)
    case "ERROR":
      self = .failed(try values.decode(StatusAnswer.self, forKey: .object).refusal(status: 500))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: values, debugDescription: "unknown type of event '\(type)'")
    }
  }
}
