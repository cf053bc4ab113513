import CEvent
import COpenSSL

/// Keys and trust of one end of a TLS connection, loaded from PEM files.
// Safe to share: OpenSSL counts references to a context with atomics, and nothing changes it after the initialiser.
public final class TLSContext: @unchecked Sendable {
  /// Which end of the connection the context is for.
  public enum Role: Sendable {
    /// Accepts connections; asks for a client certificate when a CA file is given.
    case server
    /// Opens connections; checks the server's certificate and name.
    case client
  }

  /// Files in PEM form.
  public struct Files: Sendable, Equatable {
    /// The own certificate, followed by its chain.
    public var certificate: String?
    /// The own private key.
    public var key: String?
    /// The authorities to trust: for a client instead of the system's, for a server to demand client certificates of.
    public var authorities: String?

    /// Names the files.
    public init(certificate: String? = nil, key: String? = nil, authorities: String? = nil) {
      self.certificate = certificate
      self.key = key
      self.authorities = authorities
    }
  }

  /// Why a context cannot be made.
  public struct LoadError: Error, CustomStringConvertible {
    /// What was loaded.
    public let file: String
    /// What OpenSSL said.
    public let problem: String
    public var description: String { "TLS: \(file): \(problem)" }
  }

  /// The role.
  public let role: Role
  package let pointer: OpaquePointer
  private let protocols: [UInt8]

  /// Loads the files.
  ///
  /// - Parameter protocols: the application protocols to negotiate (ALPN), for instance `h2`.
  public init(_ role: Role, files: Files, protocols: [String] = []) throws {
    guard let context = SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
      throw LoadError(file: "context", problem: opensslErrorText())
    }
    self.role = role
    pointer = context
    self.protocols = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
    SSL_CTX_set_options(context, Self.noRenegotiation)
    try load(files)
    try negotiate()
  }

  deinit { SSL_CTX_free(pointer) }

  /// SSL_OP_NO_RENEGOTIATION, a macro that Swift does not see.
  private static let noRenegotiation: UInt64 = 1 << 30

  /// A connection that will be given an accepted descriptor later, for protocol libraries that make their own.
  package func encryptedServerConnection(on loop: EventLoop) -> OpaquePointer? {
    let event = SSL_new(pointer).flatMap {
      bufferevent_openssl_socket_new(
        loop.base, -1, $0, BUFFEREVENT_SSL_ACCEPTING, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue))
    }
    // Many HTTP clients end a connection without TLS's goodbye.
    if let event { bufferevent_openssl_set_allow_dirty_shutdown(event, 1) }
    return event
  }

  private func load(_ files: Files) throws {
    if let certificate = files.certificate {
      guard SSL_CTX_use_certificate_chain_file(pointer, certificate) == 1 else {
        throw LoadError(file: certificate, problem: opensslErrorText())
      }
      let key = files.key ?? certificate
      guard SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) == 1 else {
        throw LoadError(file: key, problem: opensslErrorText())
      }
      guard SSL_CTX_check_private_key(pointer) == 1 else {
        throw LoadError(file: key, problem: "the key does not belong to the certificate \(certificate)")
      }
    } else if role == .server {
      throw LoadError(file: "server", problem: "a certificate file and a key file are needed")
    }
    if let authorities = files.authorities {
      guard SSL_CTX_load_verify_locations(pointer, authorities, nil) == 1 else {
        throw LoadError(file: authorities, problem: opensslErrorText())
      }
      if role == .server { SSL_CTX_set_client_CA_list(pointer, SSL_load_client_CA_file(authorities)) }
    } else if role == .client {
      SSL_CTX_set_default_verify_paths(pointer)
    }
    switch role {
    case .client: SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    case .server where files.authorities != nil:
      SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    case .server: break
    }
  }

  private func negotiate() throws {
    guard !protocols.isEmpty else { return }
    switch role {
    case .client:
      SSL_CTX_set_alpn_protos(pointer, protocols, UInt32(protocols.count))
    case .server:
      SSL_CTX_set_alpn_select_cb(
        pointer,
        { _, chosen, chosenLength, offered, offeredLength, context in
          guard let context, let chosen else { return SSL_TLSEXT_ERR_ALERT_FATAL }
          let own = Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue().protocols
          var pick: UnsafeMutablePointer<UInt8>?
          let code = SSL_select_next_proto(&pick, chosenLength, own, UInt32(own.count), offered, offeredLength)
          guard code == OPENSSL_NPN_NEGOTIATED, let pick, let offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
          // The pick may point into `own`, which is a temporary: answer with the same bytes of the client's offer.
          let length = Int(chosenLength?.pointee ?? 0)
          var index = 0
          while index < Int(offeredLength) {
            let size = Int(offered[index])
            if size == length, (0..<size).allSatisfy({ offered[index + 1 + $0] == pick[$0] }) {
              chosen.pointee = offered + index + 1
              return SSL_TLSEXT_ERR_OK
            }
            index += 1 + size
          }
          return SSL_TLSEXT_ERR_ALERT_FATAL
        }, Unmanaged.passUnretained(self).toOpaque())
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
