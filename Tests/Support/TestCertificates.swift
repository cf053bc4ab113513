import Foundation

/// Certificates that OpenSSL makes for one test: an authority, a server at 127.0.0.1, a client, and a foreign authority.
public final class TestCertificates: Sendable {
  private let folder: TemporaryFolder

  /// The authority that signed the others.
  public var authority: String { path("ca.pem") }
  /// An authority that signed nothing.
  public var foreignAuthority: String { path("foreign.pem") }
  /// The certificate of a server at 127.0.0.1 and localhost.
  public var server: String { path("server.pem") }
  /// The server's key.
  public var serverKey: String { path("server.key") }
  /// The certificate of a server at another address.
  public var elsewhere: String { path("elsewhere.pem") }
  /// The certificate of a server at 127.0.0.1 that is valid no more.
  public var expired: String { path("expired.pem") }
  /// A client's certificate.
  public var client: String { path("client.pem") }
  /// Another client's certificate, made out to `spiffe://cluster/keda` and `keda.example`; its key is ``clientKey``.
  public var keda: String { path("keda.pem") }
  /// The client's key.
  public var clientKey: String { path("client.key") }

  /// Makes them.
  public init() async throws {
    folder = try TemporaryFolder()
    let script = """
      set -e
      new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@"; }
      new -x509 -keyout ca.key -out ca.pem -days 2 -subj "/CN=Test authority"
      new -x509 -keyout foreign.key -out foreign.pem -days 2 -subj "/CN=Foreign authority"
      new -keyout server.key -out server.csr -subj "/CN=server"
      new -keyout client.key -out client.csr -subj "/CN=client"
      sign() { openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $2.pem -extfile $2.ext "${@:3}"; }
      echo "subjectAltName=IP:127.0.0.1,DNS:localhost" | tee server.ext > expired.ext
      echo "subjectAltName=DNS:elsewhere.example" > elsewhere.ext
      echo "extendedKeyUsage=clientAuth" > client.ext
      echo "subjectAltName=URI:spiffe://cluster/keda,DNS:keda.example" > keda.ext
      sign server server -days 2
      sign server elsewhere -days 2
      sign server expired -days -1
      sign client client -days 2
      sign client keda -days 2
      """
    let process = try ChildProcess("bash", arguments: ["-c", script], directory: folder.url)
    guard try await process.waitForExit() == 0 else { throw ConditionTimeout(what: "openssl: \(process.output)") }
  }

  private func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }
}
