import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A Secret, whose values are base64.
struct SecretObject: KubernetesObject {
  static let resource = ResourceType(version: "v1", plural: "secrets", kind: "Secret")

  var metadata: ObjectMetadata
  var data: [String: String]?
}

/// A ConfigMap.
struct ConfigMapObject: KubernetesObject {
  static let resource = ResourceType(version: "v1", plural: "configmaps", kind: "ConfigMap")

  var metadata: ObjectMetadata
  var data: [String: String]?
}

/// Reads the Secrets and the ConfigMap that a source refers to: those alone, by their names.
struct SourceCredentialsReader {
  let client: KubernetesClient

  /// - Parameters:
  ///   - source: the source. A DataSource refers to objects of its own namespace, whatever its references say.
  ///   - references: its `secretRefs` and `configMapRef`.
  /// - Throws: ``KubernetesError`` that names the object, and what is missing in it.
  func read(_ source: SourceReference, _ references: JSONValue) async throws -> SourceCredentials {
    var credentials = SourceCredentials()
    let secrets = references["secretRefs"]
    if let key = key(secrets["token"], of: source) {
      let data = try await secret(key)
      credentials.token = Secret(try text(data, secrets["token"]["key"].text ?? "token", key))
    }
    if let key = key(secrets["basicAuth"], of: source) {
      let data = try await secret(key)
      credentials.user = try text(data, secrets["basicAuth"]["usernameKey"].text ?? "username", key)
      credentials.password = Secret(try text(data, secrets["basicAuth"]["passwordKey"].text ?? "password", key))
    }
    if let key = key(secrets["tls"], of: source) {
      let data = try await secret(key)
      credentials.tls.certificate = Array(try text(data, "tls.crt", key).utf8)
      credentials.tls.key = Array(try text(data, "tls.key", key).utf8)
    }
    if let key = key(references["configMapRef"], of: source) {
      let name = references["configMapRef"]["key"].text ?? "ca.crt"
      guard let map = try await client.get(ConfigMapObject.self, key) else {
        throw missing(
          "there is no ConfigMap '\(key.name)' in the namespace \(key.namespace)", ConfigMapObject.resource, key)
      }
      guard let authorities = map.data?[name] else {
        throw missing("the ConfigMap '\(key.name)' has no key '\(name)'", ConfigMapObject.resource, key)
      }
      credentials.tls.authorities = Array(authorities.utf8)
    }
    return credentials
  }

  private func key(_ reference: JSONValue, of source: SourceReference) -> ObjectKey? {
    guard let name = reference["name"].text else { return nil }
    let namespace = source.isClusterWide ? reference["namespace"].text ?? "" : source.key.namespace
    return ObjectKey(namespace: namespace, name: name)
  }

  private func secret(_ key: ObjectKey) async throws -> [String: String] {
    guard let secret = try await client.get(SecretObject.self, key) else {
      throw missing("there is no Secret '\(key.name)' in the namespace \(key.namespace)", SecretObject.resource, key)
    }
    return secret.data ?? [:]
  }

  private func text(_ data: [String: String], _ name: String, _ key: ObjectKey) throws -> String {
    guard let bytes = data[name].flatMap({ Data(base64Encoded: $0, options: .ignoreUnknownCharacters) }),
      let text = String(bytes: bytes, encoding: .utf8)
    else { throw missing("the Secret '\(key.name)' has no text under the key '\(name)'", SecretObject.resource, key) }
    // Files with a line break at the end are often put into Secrets as they are.
    return String(text.reversed().drop(while: \.isNewline).reversed())
  }

  private func missing(_ problem: String, _ resource: ResourceType, _ key: ObjectKey) -> KubernetesError {
    KubernetesError(
      request: "GET \(resource.path(namespace: key.namespace, name: key.name))", reason: .unexpectedAnswer(problem))
  }
}
