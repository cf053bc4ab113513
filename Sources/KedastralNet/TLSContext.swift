import CEvent
import COpenSSL
import Glibc

/// Keys and trust of one end of a TLS connection, loaded from PEM files once. One that follows its files: ``TLSIdentity``.
// Safe to share: OpenSSL counts references to a context with atomics, and nothing changes it after the initialiser.
package final class TLSContext: @unchecked Sendable {
  /// Which end of the connection the context is for.
  package enum Role: Sendable {
    /// Accepts connections; requests a client certificate when a CA file is given.
    case server
    /// Opens connections; checks the server's certificate and name.
    case client
  }

  /// Files in PEM form.
  package struct Files: Sendable, Hashable {
    /// The own certificate, followed by its chain.
    package var certificate: String?
    /// The own private key.
    package var key: String?
    /// The authorities to trust: for a client instead of the system's, for a server to demand client certificates of.
    package var authorities: String?
    /// The same three as text, which take the place of files.
    package var texts = Texts()

    /// Names the files.
    package init(certificate: String? = nil, key: String? = nil, authorities: String? = nil) {
      self.certificate = certificate
      self.key = key
      self.authorities = authorities
    }
  }

  /// Certificates and a key as PEM text.
  package struct Texts: Sendable, Hashable, CustomStringConvertible {
    package var certificate: [UInt8]?
    package var key: [UInt8]?
    package var authorities: [UInt8]?

    package init() {}

    /// Never the key.
    package var description: String { "PEM texts" }
  }

  /// One of the files or texts, and its name in errors.
  private struct Part {
    let name: String
    let text: [UInt8]?

    init?(_ text: [UInt8]?, _ title: String, file: String?) {
      guard let name = text == nil ? file : title else { return nil }
      self.name = name
      self.text = text
    }

    func reading<Result>(_ body: (String) throws -> Result) rethrows -> Result {
      if let text { try PEMFile.holding(text, body) ?? body("") } else { try PEMFile.reading(name, body) }
    }
  }

  /// The oldest protocol that is spoken.
  package enum MinimumVersion: String, Sendable, Equatable, CaseIterable {
    /// TLS 1.2, for clients that know no better.
    case v1_2 = "1.2"
    /// TLS 1.3.
    case v1_3 = "1.3"
  }

  /// Whether clients must show a certificate, where a server has authorities for them.
  package enum ClientCertificates: Sendable, Equatable {
    /// A client without one is refused in the handshake.
    case required
    /// A client certificate is optional, but a given one must be valid; the server checks the connection.
    case requested
  }

  /// Why a context cannot be made.
  package struct LoadError: Error, CustomStringConvertible {
    /// What was loaded.
    package let file: String
    /// What OpenSSL said.
    package let problem: String
    package var description: String { "TLS: \(file): \(problem)" }
  }

  /// The role.
  package let role: Role
  package let pointer: OpaquePointer

  /// Loads the files.
  ///
  /// - Parameters:
  ///   - protocols: the application protocols to negotiate (ALPN), for instance `h2`.
  ///   - minimumVersion: the oldest protocol to speak; unless given, 1.3 for a server and 1.2 for a client.
  ///   - peers: the names (DNS names and URIs of the subject's alternative names) of which a client's certificate must have
  ///     one; empty for any certificate of the authorities.
  ///   - clients: whether clients must show a certificate.
  package init(
    _ role: Role, files: Files, protocols: [String] = [], minimumVersion: MinimumVersion? = nil, peers: [String] = [],
    clients: ClientCertificates = .required
  ) throws {
    guard let context = SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
      throw LoadError(file: "context", problem: opensslErrorText())
    }
    self.role = role
    pointer = context
    let version = minimumVersion ?? (role == .server ? .v1_3 : .v1_2)
    SSL_CTX_ctrl(
      context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(version == .v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION), nil)
    SSL_CTX_set_options(context, Self.noRenegotiation)
    // Idle connections keep no buffers (SSL_CTX_set_mode, a macro that Swift does not see).
    SSL_CTX_ctrl(context, SSL_CTRL_MODE, Self.releaseBuffers, nil)
    // Without one, a client with a certificate could not resume its session.
    SSL_CTX_set_session_id_context(context, [UInt8]("kedastral".utf8), 9)
    let policy = TLSPolicy(
      protocols: protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }, peers: Set(peers))
    policy.attach(to: context)
    try load(files, clients)
    negotiate(policy)
  }

  deinit { SSL_CTX_free(pointer) }

  /// SSL_OP_NO_RENEGOTIATION, a macro that Swift does not see.
  private static let noRenegotiation: UInt64 = 1 << 30
  /// SSL_MODE_RELEASE_BUFFERS, as well.
  private static let releaseBuffers = 16

  /// When the own certificate's validity ends, in seconds since the Unix epoch; nil without a certificate.
  package var certificateExpiry: Double? {
    guard let certificate = SSL_CTX_get0_certificate(pointer) else { return nil }
    var time = tm()
    guard ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1 else { return nil }
    return Double(timegm(&time))
  }

  private func load(_ files: Files, _ clients: ClientCertificates) throws {
    let texts = files.texts
    if let certificate = Part(texts.certificate, "the certificate", file: files.certificate) {
      guard certificate.reading({ SSL_CTX_use_certificate_chain_file(pointer, $0) }) == 1 else {
        throw LoadError(file: certificate.name, problem: opensslErrorText())
      }
      let key = Part(texts.key, "the key", file: files.key) ?? certificate
      guard key.reading({ SSL_CTX_use_PrivateKey_file(pointer, $0, SSL_FILETYPE_PEM) }) == 1 else {
        throw LoadError(file: key.name, problem: opensslErrorText())
      }
      guard SSL_CTX_check_private_key(pointer) == 1 else {
        throw LoadError(file: key.name, problem: "the key does not belong to the certificate \(certificate.name)")
      }
    } else if role == .server {
      throw LoadError(file: "server", problem: "a certificate file and a key file are required")
    }
    if let authorities = Part(texts.authorities, "the authorities", file: files.authorities) {
      guard authorities.reading({ SSL_CTX_load_verify_locations(pointer, $0, nil) }) == 1 else {
        throw LoadError(file: authorities.name, problem: opensslErrorText())
      }
      if role == .server { SSL_CTX_set_client_CA_list(pointer, authorities.reading { SSL_load_client_CA_file($0) }) }
    } else if role == .client {
      SSL_CTX_set_default_verify_paths(pointer)
    }
    switch role {
    case .client: SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    case .server where files.authorities != nil:
      let mode = SSL_VERIFY_PEER | (clients == .required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
      SSL_CTX_set_verify(pointer, mode) { isFine, verification in
        TLSPolicy.admits(verification, isFine: isFine == 1) ? 1 : 0
      }
    case .server: break
    }
  }

  private func negotiate(_ policy: TLSPolicy) {
    let protocols = policy.protocols
    guard !protocols.isEmpty else { return }
    switch role {
    case .client: SSL_CTX_set_alpn_protos(pointer, protocols, UInt32(protocols.count))
    case .server:
      // The policy lives as long as OpenSSL's context, which connections may hold longer than this object.
      SSL_CTX_set_alpn_select_cb(
        pointer,
        { _, chosen, chosenLength, offered, offeredLength, context in
          guard let context, let chosen, let chosenLength, let offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
          let policy = Unmanaged<TLSPolicy>.fromOpaque(context).takeUnretainedValue()
          let offer = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
          guard let choice = policy.choice(of: offer) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
          chosen.pointee = offered + choice.lowerBound
          chosenLength.pointee = UInt8(choice.count)
          return SSL_TLSEXT_ERR_OK
        }, Unmanaged.passUnretained(policy).toOpaque())
    }
  }
}

/// OpenSSL's newest error on this thread as text, which it then forgets.
package func opensslErrorText() -> String {
  let code = ERR_peek_last_error()
  ERR_clear_error()
  guard code != 0 else { return "unknown OpenSSL error" }
  if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
  return "OpenSSL error \(String(code, radix: 16))"
}
