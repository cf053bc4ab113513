import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The objects of a list that could be read, and what was wrong with the others.
package struct ObjectList<Object: KubernetesObject>: Sendable {
  /// The readable objects.
  package var objects: [Object] = []
  /// The unreadable ones, with the problem.
  package var unreadable: [UnreadableObject] = []
  /// The version of the whole list, from which a watch continues.
  package var resourceVersion = ""

  /// Creates a list.
  package init(objects: [Object] = [], unreadable: [UnreadableObject] = [], resourceVersion: String = "") {
    self.objects = objects
    self.unreadable = unreadable
    self.resourceVersion = resourceVersion
  }
}

/// An object that does not have the expected fields.
package struct UnreadableObject: Sendable, Equatable {
  /// Which, as far as its metadata can be read.
  package let key: ObjectKey?
  /// What is wrong.
  package let problem: String
}

/// An object, or why it cannot be read: one bad object does not hide the others.
enum Tolerant<Object: KubernetesObject>: Decodable, Sendable {
  case readable(Object)
  case unreadable(UnreadableObject)

  private struct Envelope: Decodable {
    let metadata: ObjectMetadata
  }

  init(from decoder: any Decoder) {
    do {
      self = .readable(try Object(from: decoder))
    } catch {
      let metadata = try? Envelope(from: decoder).metadata
      self = .unreadable(UnreadableObject(key: metadata?.key, problem: DecodingProblem.text(error)))
    }
  }
}

/// A part of a list, as the server sends it.
struct ObjectPage<Object: KubernetesObject>: Decodable {
  struct Metadata: Decodable {
    var resourceVersion: String?
    var `continue`: String?
  }

  let metadata: Metadata
  /// Missing or null in an empty list of some servers.
  let items: [Tolerant<Object>]?
}

extension ObjectList {
  /// Adds the objects of a part.
  mutating func add(_ page: ObjectPage<Object>) {
    for item in page.items ?? [] {
      switch item {
      case .readable(let object): objects.append(object)
      case .unreadable(let object): unreadable.append(object)
      }
    }
    resourceVersion = page.metadata.resourceVersion ?? resourceVersion
  }
}

extension KubernetesClient {
  /// One object; nil when there is none.
  package func get<Object: KubernetesObject>(_ type: Object.Type, _ key: ObjectKey) async throws -> Object? {
    let path = type.resource.path(namespace: key.namespace.isEmpty ? nil : key.namespace, name: key.name)
    do {
      return try decode(type, from: try await send(.get, path), of: Self.name(.get, path))
    } catch let error as KubernetesError where error.status == 404 {
      return nil
    }
  }

  /// All objects of a type, requested in parts.
  ///
  /// A `410 Gone` in the middle (the list's version has been compacted away) starts it again, once.
  ///
  /// - Parameters:
  ///   - namespace: the namespace, or nil for all.
  ///   - labelSelector: the labels that the objects must have; nil for any.
  package func list<Object: KubernetesObject>(
    _ type: Object.Type, namespace: String? = nil, labelSelector: String? = nil
  ) async throws -> ObjectList<Object> {
    do {
      return try await pages(type, namespace: namespace, labelSelector)
    } catch let error as KubernetesError where error.isGone {
      return try await pages(type, namespace: namespace, labelSelector)
    }
  }

  /// The subresource `scale` of an object that can be scaled.
  ///
  /// - Throws: ``KubernetesError``, also when there is no such object.
  package func scale(of resource: ResourceType, _ key: ObjectKey) async throws -> ObjectScale {
    let path = resource.path(namespace: key.namespace, name: key.name, subresource: "scale")
    return try decode(ObjectScale.self, from: try await send(.get, path), of: Self.name(.get, path))
  }

  private func pages<Object: KubernetesObject>(
    _ type: Object.Type, namespace: String?, _ labelSelector: String?
  ) async throws -> ObjectList<Object> {
    let path = type.resource.path(namespace: namespace)
    var list = ObjectList<Object>()
    var token: String?
    repeat {
      let query = QueryText.query([
        ("labelSelector", labelSelector), ("limit", "\(settings.listLimit)"), ("continue", token),
      ])
      let body = try await send(.get, path + query)
      let page = try decode(ObjectPage<Object>.self, from: body, of: Self.name(.get, path))
      list.add(page)
      let next = page.metadata.continue ?? ""
      // A server that answers the same token again would be asked for ever.
      guard next.isEmpty || next != token else {
        throw KubernetesError(
          request: Self.name(.get, path), reason: .unexpectedAnswer("the continue token is repeated"))
      }
      token = next.isEmpty ? nil : next
    } while token != nil
    return list
  }

  /// Creates or changes the fields of an object that this field manager owns (server-side apply), without force: a field of
  /// another manager is refused with 409.
  ///
  /// - Parameter body: `apiVersion`, `kind`, `metadata.name` and the owned fields.
  package func apply(
    _ resource: ResourceType, _ key: ObjectKey, _ body: some Encodable, fieldManager: String = "kedastral",
    force: Bool = false
  ) async throws {
    let path = resource.path(namespace: key.namespace.isEmpty ? nil : key.namespace, name: key.name)
    let query = QueryText.query([("fieldManager", fieldManager), ("force", force ? "true" : "false")])
    _ = try await send(.patch, path + query, contentType: "application/apply-patch+yaml", body: try Self.json(body))
  }

  /// Changes fields of an object's status.
  ///
  /// - Parameters:
  ///   - status: the fields to change; null removes one.
  ///   - resourceVersion: the version that is changed; with another one on the server it answers 409. Nil to change any.
  package func patchStatus(
    _ resource: ResourceType, _ key: ObjectKey, _ status: some Encodable, resourceVersion: String? = nil
  ) async throws {
    let path = resource.path(
      namespace: key.namespace.isEmpty ? nil : key.namespace, name: key.name, subresource: "status")
    let body = StatusPatch(metadata: resourceVersion.map { .init(resourceVersion: $0) }, status: status)
    _ = try await send(
      .patch, path + QueryText.query([("fieldManager", "kedastral")]), contentType: "application/merge-patch+json",
      body: try Self.json(body))
  }

  private struct StatusPatch<Status: Encodable>: Encodable {
    struct Metadata: Encodable {
      let resourceVersion: String
    }

    let metadata: Metadata?
    let status: Status
  }

  /// Creates an object. It is sent again only when the server says that it has not processed it.
  package func create(_ resource: ResourceType, namespace: String, _ body: some Encodable) async throws {
    _ = try await send(.create, resource.path(namespace: namespace), body: try Self.json(body))
  }

  /// Deletes an object if it is still the one with this identity; one that is gone already is accepted.
  package func delete(_ resource: ResourceType, _ key: ObjectKey, uid: String? = nil) async throws {
    struct Options: Encodable {
      struct Preconditions: Encodable {
        let uid: String
      }

      let kind = "DeleteOptions"
      let apiVersion = "v1"
      let preconditions: Preconditions?
    }
    let path = resource.path(namespace: key.namespace.isEmpty ? nil : key.namespace, name: key.name)
    do {
      _ = try await send(.delete, path, body: try Self.json(Options(preconditions: uid.map { .init(uid: $0) })))
    } catch let error as KubernetesError where error.status == 404 {
      return
    }
  }

  static func json(_ value: some Encodable) throws -> [UInt8] { Array(try JSONEncoder.stable.encode(value)) }
}
