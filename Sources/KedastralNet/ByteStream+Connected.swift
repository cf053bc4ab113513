import CEvent
import COpenSSL
import Glibc

extension ByteStream {
  /// Takes over a connected descriptor; with TLS, `.connected` or a failure follows.
  convenience init?(on loop: EventLoop, connected descriptor: CInt, tls: OutgoingConnection.TLS?) {
    var one: CInt = 1
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, socklen_t(MemoryLayout<CInt>.size))
    self.init(on: loop, descriptor, tls: tls.map { (Self.session($0), BUFFEREVENT_SSL_CONNECTING) })
  }

  private static func session(_ tls: OutgoingConnection.TLS) -> OpaquePointer? {
    guard let session = SSL_new(tls.context.pointer) else { return nil }
    let isAddress = isNumeric(tls.serverName)
    if !isAddress {
      // SSL_set_tlsext_host_name, a macro that Swift does not see; names of addresses may not be sent (RFC 6066).
      tls.serverName.withCString { name in
        _ = SSL_ctrl(
          session, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), UnsafeMutableRawPointer(mutating: name)
        )
      }
    }
    if tls.verifiesName {
      let code =
        isAddress
        ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), tls.serverName)
        : SSL_set1_host(session, tls.serverName)
      guard code == 1 else {
        SSL_free(session)
        return nil
      }
    }
    return session
  }

  /// Whether `text` is an IPv4 or IPv6 address.
  private static func isNumeric(_ text: String) -> Bool {
    var storage = in6_addr()
    return inet_pton(AF_INET, text, &storage) == 1 || inet_pton(AF_INET6, text, &storage) == 1
  }

  /// What is wrong with the peer's certificate, or nil when nothing is.
  static func certificateProblem(_ session: OpaquePointer?) -> String? {
    guard let session else { return nil }
    let code = SSL_get_verify_result(session)
    guard code != Int(X509_V_OK), let text = X509_verify_cert_error_string(code) else { return nil }
    return String(cString: text)
  }
}
