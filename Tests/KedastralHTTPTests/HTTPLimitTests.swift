import Foundation
import KedastralNet
import TestSupport
import Testing

@testable import KedastralHTTP

@Suite("Limits for one HTTP client")
struct HTTPLimitTests {
  /// Serves while `abuse` runs against it; at the end it still answers, and has counted what it cut off.
  private func serve(
    expecting reason: String, count: Double = 1, _ change: (inout HTTPServerSettings) -> Void,
    abuse: (TestServer) async throws -> Void
  ) async throws {
    let server = try await TestServer(change: change)
    try await abuse(server)
    #expect(try await curl(server.url + "/healthz").status == 200)
    let refusals = server.metrics.all.first { $0.name == "kedastral_http_refusals_total" }
    #expect(refusals?.all.first { $0.labelValues == [reason] }?.value == count)
    await server.shutdown()
  }

  @Test("a request sent one byte at a time is closed at its deadline")
  func slowloris() async throws {
    try await serve(expecting: "request_timeout") {
      $0.limits.requestTimeout = .seconds(3)
    } abuse: { server in
      let client = try TextClient(port: server.address.port)
      for byte in "GET /healthz HTTP/1.1\r\nX-Slow: ".utf8 + Array(repeating: UInt8(ascii: "x"), count: 100) {
        guard client.send([byte]) else { break }
        #expect(try await curl(server.url + "/healthz").status == 200)
      }
      #expect(client.readToEnd() == "")
    }
  }

  @Test("a silent connection is closed; one that has received a response may wait longer")
  func silent() async throws {
    try await serve(expecting: "request_timeout") {
      $0.limits.requestTimeout = .seconds(2)
    } abuse: { server in
      let served = try TextClient(port: server.address.port)
      served.send(Array("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
      let silent = try TextClient(port: server.address.port)
      #expect(silent.readToEnd() == "")
      served.send(Array("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
      #expect(served.readToEnd().components(separatedBy: "200 OK").count == 3)
    }
  }

  @Test("a client that does not read is disconnected, and only one response is buffered for it")
  func slowReader() async throws {
    try await serve(expecting: "slow_reader") {
      $0.limits.writeTimeout = .milliseconds(600)
    } abuse: { server in
      for index in 0..<2000 { try await server.apply(.put(TestServer.snapshot("workload-with-a-long-name-\(index)"))) }
      let client = try TextClient(port: server.address.port, receiveBuffer: 4096)
      let request = Array("GET /workloads HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
      for _ in 0..<200 { client.send(request) }
      try await eventually("the slow reader to be cut off") {
        server.metrics.all.first { $0.name == "kedastral_http_refusals_total" }?.all.isEmpty == false
      }
    }
  }

  @Test("connections over the limit are closed at once, and accepted again after others close")
  func connections() async throws {
    try await serve(expecting: "connection_limit") {
      $0.limits.connections = 2
    } abuse: { server in
      let request = Array("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
      let held = try (0..<2).map { _ in try TextClient(port: server.address.port) }
      for client in held {
        client.send(request)
        #expect(client.read(until: "}").contains("200 OK"))
      }
      let third = try TextClient(port: server.address.port)
      #expect(third.readToEnd() == "")
      held[0].end()
      try await eventually("room") {
        server.metrics.all.first { $0.name == "kedastral_http_connections" }?.all.first?.value == 1
      }
      withExtendedLifetime(held) {}
    }
  }

  @Test("malformed requests are rejected in JSON with the reason")
  func refusals() async throws {
    let server = try await TestServer()
    for (text, status, problem) in [
      ("GET\r\n\r\n", 400, "the first line is not a valid request; expected 'GET /path HTTP/1.1'"),
      ("GET / HTTP/2.0\r\n\r\n", 505, "this server supports HTTP/1.1, not HTTP/2.0"),
      ("GET / HTTP/1.1\r\n\r\n", 400, "the header Host is missing"),
      ("GET / HTTP/1.1\r\nHost: x\r\nbad name: x\r\n\r\n", 400, "a header line has no name before a colon"),
      ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n", 400, "Content-Length is not a number"),
    ] {
      let client = try TextClient(port: server.address.port)
      client.send(Array(text.utf8))
      let answer = client.readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
      #expect(answer.hasSuffix("\r\n\r\n{\"error\":\"\(problem)\"}"), "\(answer)")
    }
    await server.shutdown()
  }

  @Test("with client authorities, only probes are open to clients without a certificate")
  func certificates() async throws {
    let certificates = try await TestCertificates()
    let server = try await TestServer(
      tls: .init(certificate: certificates.server, key: certificates.serverKey, authorities: certificates.authority))
    let trust = ["--cacert", certificates.authority]
    let identity = ["--cert", certificates.client, "--key", certificates.clientKey]
    #expect(try await curl(server.url + "/healthz", trust[0], trust[1]).status == 200)
    #expect(try await curl(server.url + "/metrics", trust[0], trust[1]).status == 403)
    let known = try await curl(
      server.url + "/metrics", trust[0], trust[1], identity[0], identity[1], identity[2], identity[3])
    #expect(known.status == 200)
    let strangers = try await TestCertificates()
    let stranger = try await curl(
      server.url + "/healthz", trust[0], trust[1], "--cert", strangers.client, "--key", strangers.clientKey)
    #expect(stranger.status == 0)
    await server.shutdown()
  }

  @Test("a token is read again when its file changes, and never shown")
  func tokenFile() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("first-s3cret\n", to: "token")
    let token = try BearerToken(file: path)
    #expect(token.isShown(by: "Bearer first-s3cret"))
    try "second-s3cret".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(!token.isShown(by: "Bearer first-s3cret"))
    #expect(token.isShown(by: "Bearer second-s3cret"))
    try FileManager.default.removeItem(atPath: path)
    #expect(!token.isShown(by: "Bearer second-s3cret"))
    #expect(!"\(token) \(String(reflecting: token))".contains("s3cret"))
    var text = ""
    dump(token, to: &text)
    #expect(!text.contains("s3cret"))
    let error = #expect(throws: (any Error).self) { _ = try BearerToken(file: path) }
    #expect("\(error as Any)".contains(path))
  }
}
