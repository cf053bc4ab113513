import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How an API server is reached, and the namespace that is meant where none is given.
package struct ClusterAccess: Sendable {
  /// The configuration cannot be used, in one line.
  package struct Problem: Error, Equatable, CustomStringConvertible {
    package let description: String

    /// Creates a problem.
    package init(description: String) { self.description = description }
  }

  /// The server, its authorities and the credentials.
  package var endpoint: HTTPEndpoint
  /// The namespace of the pod, or of the kubeconfig's context.
  package var namespace: String

  /// Creates an access.
  package init(endpoint: HTTPEndpoint, namespace: String = "default") {
    self.endpoint = endpoint
    self.namespace = namespace
  }

  /// Where Kubernetes mounts the token of a pod's service account.
  package static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// The access of a pod, by its service account. The token's file is read again when Kubernetes replaces it.
  ///
  /// - Parameters:
  ///   - environment: contains `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`.
  ///   - folder: contains `token`, `ca.crt` and `namespace`.
  /// - Throws: ``Problem`` when a variable or a file is missing.
  package static func inCluster(
    environment: [String: String] = ProcessInfo.processInfo.environment, folder: String = serviceAccountFolder
  ) throws(Problem) -> ClusterAccess {
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty
    else {
      throw Problem(
        description: "Kubernetes: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; outside of a pod, "
          + "use a kubeconfig")
    }
    for name in ["token", "ca.crt", "namespace"] where !FileManager.default.isReadableFile(atPath: "\(folder)/\(name)")
    {
      throw Problem(
        description: "Kubernetes: cannot read \(folder)/\(name); set automountServiceAccountToken: true for the pod")
    }
    let text = (try? String(contentsOfFile: "\(folder)/namespace", encoding: .utf8)) ?? ""
    let namespace = text.filter { !$0.isWhitespace }
    // An IPv6 address has colons, so it stands in brackets.
    var endpoint = HTTPEndpoint("https://\(host.contains(":") ? "[\(host)]" : host):\(port)")
    endpoint.credentials = .bearer(file: "\(folder)/token")
    endpoint.tls.authorities = "\(folder)/ca.crt"
    endpoint.proxy = HTTPProxy.none
    return ClusterAccess(endpoint: endpoint, namespace: namespace.isEmpty ? "default" : namespace)
  }
}
