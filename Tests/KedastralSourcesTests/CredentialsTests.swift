import Foundation
import KedastralCore
import KedastralNet
import KedastralSources
import TestSupport
import Testing

@Suite("Credentials and TLS")
struct CredentialsTests {
  @Test("reads a token file again after rotation, by rewriting or by a swapped link")
  func rotatedToken() async throws {
    let loop = try EventLoop()
    let server = try await FaultServer(on: loop) { _ in .json("{}") }
    let folder = try TemporaryFolder()
    let token = try folder.write("first\n", to: "token")
    try await withClient { client in
      let endpoint = HTTPEndpoint(server.url, credentials: .bearer(file: token))
      func seen() async throws -> String? {
        _ = try await client.send(HTTPRequest(endpoint))
        return server.requests.last?.headers["authorization"]
      }
      #expect(try await seen() == "Bearer first")
      _ = try folder.write("second-token", to: "token")
      #expect(try await seen() == "Bearer second-token")
      let other = try folder.write("third", to: "token-3")
      try FileManager.default.removeItem(atPath: token)
      try FileManager.default.createSymbolicLink(atPath: token, withDestinationPath: other)
      #expect(try await seen() == "Bearer third")

      try FileManager.default.removeItem(atPath: token)
      let error = await #expect(throws: HTTPError.self) { try await seen() }
      #expect(
        error?.description == "GET \(server.url): cannot read the secret file \(token): No such file or directory")
      for (text, problem) in [(" \n", "it is empty"), ("a\nb", "it has more than one line")] {
        _ = try folder.write(text, to: "token")
        let error = await #expect(throws: HTTPError.self) { try await seen() }
        #expect(error?.description == "GET \(server.url): cannot read the secret file \(token): \(problem)")
      }
    }
    try await server.stop()
    await loop.stop()
  }

  @Test("descriptions contain no secret", arguments: ["token", "password", "url", "query"])
  func secrets(place: String) async throws {
    let port = freePort()
    let credentials: HTTPCredentials =
      switch place {
      case "token": .bearer("S3CRET")
      case "password": .basic(user: "ann", password: "S3CRET")
      default: .none
      }
    let user = place == "url" ? "ann:S3CRET@" : ""
    let endpoint = HTTPEndpoint("http://\(user)127.0.0.1:\(port)", credentials: credentials)
    try await withClient { client in
      let path = place == "query" ? "/a?key=S3CRET" : "/a"
      let error = await #expect(throws: HTTPError.self) {
        try await client.send(HTTPRequest(endpoint, path: path))
      }
      #expect(error?.description.contains("S3CRET") == false)
      #expect(error?.description.contains("http://127.0.0.1:\(port)/a") == true)
    }
    #expect(!"\(credentials)".contains("S3CRET"))
    #expect(!endpoint.displayName.contains("S3CRET"))
  }

  @Test("authenticates at a real Prometheus behind TLS and a password, and reports wrong credentials")
  func securedPrometheus() async throws {
    let certificates = try await TestCertificates()
    // The bcrypt form of "open sesame".
    let prometheus = try await PrometheusServer(
      webConfiguration: """
        tls_server_config: {cert_file: "\(certificates.server)", key_file: "\(certificates.serverKey)"}
        basic_auth_users: {ann: "$2b$04$aqgWjuEHGFC7cPdzESxdaeXOqBYm3Y2dF5lst3CsF6ggxhgblp2yu"}
        """)
    defer { prometheus.stop() }
    func ask(_ password: String, authority: String?) async throws -> TimeSeries {
      try await withClient { client in
        let endpoint = HTTPEndpoint(
          prometheus.url, credentials: .basic(user: "ann", password: password), tls: .init(authorities: authority))
        let source = PrometheusSource(endpoint: endpoint, query: "vector(5)", client: client)
        let start = Date(timeIntervalSince1970: 1_767_225_600)
        return try await source.samples(in: start..<start + .seconds(120), step: .seconds(60))
      }
    }
    #expect(try await ask("open sesame", authority: certificates.authority).values == [5, 5])
    let wrongPassword = await #expect(throws: SourceError.self) {
      try await ask("close sesame", authority: certificates.authority)
    }
    #expect(wrongPassword?.description == "\(prometheus.url): query vector(5): HTTP 401: Unauthorized")
    for authority in [certificates.foreignAuthority, nil] {
      let untrusted = await #expect(throws: SourceError.self) { try await ask("open sesame", authority: authority) }
      #expect(
        untrusted?.description
          == "\(prometheus.url): query vector(5): TLS: SSL certificate problem: unable to get local issuer certificate")
    }
    let noFile = await #expect(throws: SourceError.self) { try await ask("open sesame", authority: "/no/such.pem") }
    #expect(noFile?.description.contains("TLS: error setting certificate") == true)
    #expect(noFile?.description.contains("/no/such.pem") == true)
  }

  @Test("distinguishes a certificate for another host, an expired one, and a missing client certificate")
  func certificateChecks() async throws {
    let certificates = try await TestCertificates()
    func problem(server: TLSContext.Files, client files: TLSContext.Files) async throws -> String {
      let loop = try EventLoop()
      let server = try await FaultServer(on: loop, tls: TLSContext(.server, files: server)) { _ in .json("{}") }
      let result: Result<Int, any Error> = await Result {
        try await withClient { try await $0.send(HTTPRequest(HTTPEndpoint(server.url, tls: files))).status }
      }
      try await server.stop()
      await loop.stop()
      switch result {
      case .success(let status): return "\(status)"
      case .failure(let error): return "\(error)".replacingOccurrences(of: "GET \(server.url): ", with: "")
      }
    }
    func server(_ certificate: String, asksClients: Bool = false) -> TLSContext.Files {
      .init(
        certificate: certificate, key: certificates.serverKey,
        authorities: asksClients ? certificates.authority : nil)
    }
    let trust = TLSContext.Files(authorities: certificates.authority)
    #expect(try await problem(server: server(certificates.server), client: trust) == "200")
    #expect(
      try await problem(server: server(certificates.elsewhere), client: trust)
        == "TLS: SSL: no alternative certificate subject name matches target host name '127.0.0.1'")
    #expect(
      try await problem(server: server(certificates.expired), client: trust)
        == "TLS: SSL certificate problem: certificate has expired")
    var withCertificate = trust
    withCertificate.certificate = certificates.client
    withCertificate.key = certificates.clientKey
    let asking = server(certificates.server, asksClients: true)
    #expect(try await problem(server: asking, client: withCertificate) == "200")
    // The server's alert and the end of the connection race to be seen.
    #expect(try await problem(server: asking, client: trust) != "200")
    withCertificate.key = certificates.serverKey
    let mismatched = try await problem(server: asking, client: withCertificate)
    #expect(mismatched.hasPrefix("TLS: unable to set private key file"), "\(mismatched)")
  }
}
