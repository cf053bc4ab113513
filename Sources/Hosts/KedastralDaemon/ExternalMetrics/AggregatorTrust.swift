import KedastralKubernetes
import KedastralNet
import KedastralSources
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Who the API server is towards aggregated APIs, as the cluster publishes it: the authority of its client certificate, and the
/// common names of which the certificate must have one.
///
/// The authority is in a file in memory, which TLS reads again when it is replaced.
final class AggregatorTrust: Sendable {
  /// Where every cluster publishes it. The role `extension-apiserver-authentication-reader` may read it.
  static let key = ObjectKey(namespace: "kube-system", name: "extension-apiserver-authentication")

  private let client: KubernetesClient
  private let file: MemoryFile
  private let current = Mutex(Content(authority: "", names: []))

  /// What is published.
  struct Content: Sendable, Equatable {
    var authority: String
    /// Empty for all that the authority has issued.
    var names: [String]

    init(authority: String, names: [String]) {
      self.authority = authority
      self.names = names
    }

    /// Reads the ConfigMap's data.
    ///
    /// - Throws: a description of what is missing.
    init(_ data: [String: String]) throws(ClusterAccess.Problem) {
      guard let authority = data["requestheader-client-ca-file"], !authority.isEmpty else {
        throw ClusterAccess.Problem(
          description: "the ConfigMap '\(AggregatorTrust.key)' has no key 'requestheader-client-ca-file'; "
            + "start the API server with --requestheader-client-ca-file")
      }
      let list = try? JSONValue(Array((data["requestheader-allowed-names"] ?? "[]").utf8)).elements
      self.init(authority: authority, names: list?.compactMap(\.text) ?? [])
      guard names.count == list?.count else {
        throw ClusterAccess.Problem(
          description: "'requestheader-allowed-names' of the ConfigMap '\(AggregatorTrust.key)' is not a list of names")
      }
    }
  }

  init(_ client: KubernetesClient) throws(MemoryFile.Problem) {
    self.client = client
    file = try MemoryFile([])
  }

  /// Where the authority is.
  var path: String { file.path }

  /// The names.
  var names: [String] { current.withLock { $0.names } }

  /// Reads what is published.
  ///
  /// - Throws: ``KubernetesError`` when it cannot be read, or is incomplete: then the previous content stays.
  func read() async throws {
    let request = "GET \(ConfigMapObject.resource.path(namespace: Self.key.namespace, name: Self.key.name))"
    guard let map = try await client.get(ConfigMapObject.self, Self.key) else {
      throw KubernetesError(request: request, reason: .unexpectedAnswer("there is no such ConfigMap"))
    }
    let content: Content
    do {
      content = try Content(map.data ?? [:])
    } catch {
      throw KubernetesError(request: request, reason: .unexpectedAnswer(error.description))
    }
    guard current.withLock({ $0 }) != content else { return }
    // The names first: they are read when the file has changed.
    current.withLock { $0 = content }
    do {
      try file.replace(Array(content.authority.utf8))
    } catch {
      throw KubernetesError(request: request, reason: .unexpectedAnswer(error.description))
    }
  }
}
