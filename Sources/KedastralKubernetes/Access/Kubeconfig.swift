import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A kubeconfig: clusters, users, and the contexts that join them.
///
/// Tokens, token files, passwords and client certificates are supported. Programs that make credentials (`exec`,
/// `auth-provider`) are refused, because this process starts no other program.
package struct Kubeconfig: Decodable, Sendable {
  private struct Named<Content: Decodable & Sendable>: Decodable, Sendable {
    let name: String
    let content: Content

    private struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      name = try values.decode(String.self, forKey: Key(stringValue: "name"))
      let kinds = ["cluster", "user", "context"].map(Key.init).filter(values.contains)
      guard let kind = kinds.first else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "\(name) has no cluster, user or context"))
      }
      content = try values.decode(Content.self, forKey: kind)
    }
  }

  private struct Context: Decodable, Sendable {
    let cluster: String
    let user: String?
    let namespace: String?
  }

  private struct Cluster: Decodable, Sendable {
    let server: String
    let authorityFile: String?
    let authorityData: String?
    let skipsVerification: Bool?
    let serverName: String?
    let proxy: String?

    private enum CodingKeys: String, CodingKey {
      case server
      case authorityFile = "certificate-authority"
      case authorityData = "certificate-authority-data"
      case skipsVerification = "insecure-skip-tls-verify"
      case serverName = "tls-server-name"
      case proxy = "proxy-url"
    }
  }

  /// What counts is that the key is there.
  private struct Present: Decodable, Sendable {
    init(from decoder: any Decoder) {}
  }

  private struct User: Decodable, Sendable {
    var token: String?
    var tokenFile: String?
    var username: String?
    var password: String?
    var certificateFile: String?
    var certificateData: String?
    var keyFile: String?
    var keyData: String?
    var exec: Present?
    var provider: Present?
    var impersonated: String?

    private enum CodingKeys: String, CodingKey {
      case token, tokenFile, username, password, exec
      case certificateFile = "client-certificate"
      case certificateData = "client-certificate-data"
      case keyFile = "client-key"
      case keyData = "client-key-data"
      case provider = "auth-provider"
      case impersonated = "as"
    }
  }

  private let current: String?
  private let clusters: [Named<Cluster>]
  private let users: [Named<User>]?
  private let contexts: [Named<Context>]

  private enum CodingKeys: String, CodingKey {
    case current = "current-context"
    case clusters, users, contexts
  }

  /// The access that a context describes.
  ///
  /// - Parameters:
  ///   - name: the context; nil for the file's `current-context`.
  ///   - folder: the folder of the kubeconfig, from which its relative paths start.
  /// - Throws: ``ClusterAccess/Problem`` when something is missing or not supported.
  package func access(
    context name: String? = nil, folder: String = "."
  ) throws(ClusterAccess.Problem) -> ClusterAccess {
    guard let name = name ?? current, !name.isEmpty else {
      throw problem("there is no current-context; name a context")
    }
    guard let context = contexts.first(where: { $0.name == name })?.content else {
      let known = contexts.map(\.name).joined(separator: ", ")
      throw problem("unknown context '\(name)'; the file has: \(known.isEmpty ? "none" : known)")
    }
    guard let cluster = clusters.first(where: { $0.name == context.cluster })?.content else {
      throw problem("context '\(name)': unknown cluster '\(context.cluster)'")
    }
    var endpoint = HTTPEndpoint(cluster.server)
    endpoint.proxy = cluster.proxy.map { $0.isEmpty ? HTTPProxy.none : .server($0) } ?? .environment()
    try apply(cluster, named: context.cluster, folder: folder, to: &endpoint)
    if let userName = context.user, !userName.isEmpty {
      guard let user = users?.first(where: { $0.name == userName })?.content else {
        throw problem("context '\(name)': unknown user '\(userName)'")
      }
      try apply(user, named: userName, folder: folder, to: &endpoint)
    }
    let namespace = context.namespace ?? ""
    return ClusterAccess(endpoint: endpoint, namespace: namespace.isEmpty ? "default" : namespace)
  }

  private func apply(
    _ cluster: Cluster, named name: String, folder: String, to endpoint: inout HTTPEndpoint
  ) throws(ClusterAccess.Problem) {
    if cluster.skipsVerification == true {
      throw problem("cluster '\(name)': insecure-skip-tls-verify is not supported; name its certificate-authority")
    }
    if let serverName = cluster.serverName, !serverName.isEmpty {
      throw problem("cluster '\(name)': tls-server-name is not supported; use a server name of the certificate")
    }
    if let data = cluster.authorityData {
      endpoint.tlsTexts.authorities = try bytes(data, "cluster '\(name)': certificate-authority-data")
    } else if let file = cluster.authorityFile {
      endpoint.tls.authorities = path(file, in: folder)
    }
  }

  private func apply(
    _ user: User, named name: String, folder: String, to endpoint: inout HTTPEndpoint
  ) throws(ClusterAccess.Problem) {
    for (key, isPresent) in [
      ("exec", user.exec != nil), ("auth-provider", user.provider != nil), ("as", user.impersonated != nil),
    ] where isPresent {
      throw problem("user '\(name)': \(key) is not supported; use a token, a tokenFile or a client certificate")
    }
    // As kubectl does: data takes precedence over a file, but a token's file over a token, since it is rotated.
    if let file = user.tokenFile, !file.isEmpty {
      endpoint.credentials = .bearer(file: path(file, in: folder))
    } else if let token = user.token, !token.isEmpty {
      endpoint.credentials = .bearer(token)
    } else if let username = user.username, let password = user.password {
      endpoint.credentials = .basic(user: username, password: password)
    }
    if let data = user.certificateData {
      endpoint.tlsTexts.certificate = try bytes(data, "user '\(name)': client-certificate-data")
    } else if let file = user.certificateFile {
      endpoint.tls.certificate = path(file, in: folder)
    }
    if let data = user.keyData {
      endpoint.tlsTexts.key = try bytes(data, "user '\(name)': client-key-data")
    } else if let file = user.keyFile {
      endpoint.tls.key = path(file, in: folder)
    }
  }

  private func bytes(_ base64: String, _ place: String) throws(ClusterAccess.Problem) -> [UInt8] {
    guard let data = Data(base64Encoded: base64, options: .ignoreUnknownCharacters), !data.isEmpty else {
      throw problem("\(place) is not valid base64")
    }
    return Array(data)
  }

  private func path(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") ? path : "\(folder)/\(path)"
  }

  private func problem(_ text: String) -> ClusterAccess.Problem {
    ClusterAccess.Problem(description: "kubeconfig: \(text)")
  }
}
