import Foundation
import KedastralNet
import TestSupport
import Testing

@testable import KedastralHTTP

@Suite("Routes that receive data")
struct HTTPReceiverTests {
  /// Answers with what it has received.
  private func receiver(token: String? = nil, limit: Int? = 4 << 20) -> HTTPReceiver {
    HTTPReceiver(path: "/in", token: token.flatMap { BearerToken($0) }, bodyLimit: { limit }) { request in
      HTTPResponse(
        type: "text/plain",
        body: Array(
          "\(request.body.count) \(request.contentType ?? "-") \(request.contentEncoding ?? "-") \(request.remoteWriteVersion ?? "-")"
            .utf8))
    }
  }

  private func head(_ length: Int, token: String? = nil) -> [UInt8] {
    let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
    return Array("POST /in HTTP/1.1\r\nHost: x\r\n\(authorization)Content-Length: \(length)\r\n\r\n".utf8)
  }

  @Test("hands over body, type, encoding and version of a request of megabytes")
  func body() async throws {
    let server = try await TestServer(receivers: [receiver()])
    let folder = try TemporaryFolder()
    let file = try folder.write(String(repeating: "x", count: 3 << 20), to: "body")
    let answer = try await curl(
      server.url + "/in", "--data-binary", "@\(file)", "-H", "Content-Type: a/b; c=d", "-H", "Content-Encoding: snappy",
      "-H", "X-Prometheus-Remote-Write-Version: 0.1.0")
    #expect(answer.status == 200)
    #expect(answer.body == "\(3 << 20) a/b; c=d snappy 0.1.0")
    #expect(try await curl(server.url + "/in").status == 405)
    await server.shutdown()
  }

  @Test("requires its own token instead of the server's, before the body is read")
  func token() async throws {
    let server = try await TestServer(token: "reader", receivers: [receiver(token: "sender")])
    for token in [nil, "reader"] {
      let client = try TextClient(port: server.address.port)
      client.send(head(1_000_000, token: token))
      #expect(client.readToEnd().hasPrefix("HTTP/1.1 401 "))
    }
    let answer = try await curl(server.url + "/in", "-H", "Authorization: Bearer sender", "--data", "abc")
    #expect(answer.status == 200 && answer.body.hasPrefix("3 "))
    let other = try await curl(server.url + "/workloads", "-H", "Authorization: Bearer sender")
    #expect(other.status == 401)
    await server.shutdown()
  }

  @Test("requires the server's token without one of its own")
  func serverToken() async throws {
    let server = try await TestServer(token: "reader", receivers: [receiver()])
    #expect(try await curl(server.url + "/in", "--data", "abc").status == 401)
    #expect(try await curl(server.url + "/in", "-H", "Authorization: Bearer reader", "--data", "abc").status == 200)
    await server.shutdown()
  }

  @Test("requires a certificate where the server demands one, whatever the token")
  func certificate() async throws {
    let certificates = try await TestCertificates()
    let files = TLSContext.Files(
      certificate: certificates.server, key: certificates.serverKey, authorities: certificates.authority)
    let server = try await TestServer(tls: files, receivers: [receiver(token: "sender")])
    let refused = try await curl(
      server.url + "/in", "--cacert", certificates.authority, "-H", "Authorization: Bearer sender", "--data", "abc")
    #expect(refused.status == 403)
    await server.shutdown()
  }

  @Test("refuses bodies over the limit, and reads none while nothing is received")
  func limits() async throws {
    let server = try await TestServer(receivers: [receiver(limit: 1_000)])
    let client = try TextClient(port: server.address.port)
    client.send(head(1_001))
    #expect(client.readToEnd().hasPrefix("HTTP/1.1 413 Content Too Large"))
    await server.shutdown()
    let unused = try await TestServer(receivers: [receiver(limit: nil)])
    let sender = try TextClient(port: unused.address.port)
    sender.send(head(500_000))
    // Answered without waiting for the body.
    #expect(sender.readToEnd().contains("\r\n\r\n0 "))
    await unused.shutdown()
  }

  @Test("reads a body in chunks, whose sizes, extensions and trailers are not part of it")
  func chunks() async throws {
    let server = try await TestServer(receivers: [receiver(limit: 1_000)])
    func answer(_ chunks: String) throws -> String {
      let client = try TextClient(port: server.address.port)
      let head = "POST /in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
      client.send(Array((head + chunks).utf8))
      return client.read(until: "no-store\r\n\r\n")
    }
    let text = String(repeating: "x", count: 500)
    #expect(
      try answer("A;a=b\r\n0123456789\r\n1f4\r\n\(text)\r\n0\r\nTrailer: t\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
    #expect(try answer("1f4\r\n\(text)\r\n1f5\r\n\(text)x\r\n0\r\n\r\n").hasPrefix("HTTP/1.1 413 "))
    for malformed in ["xyz\r\n", "5\r\n0123456789\r\n", "FFFFFFFFFFFFFFFF\r\n", "\r\n\r\n\r\n"] {
      #expect(try answer(malformed).hasPrefix("HTTP/1.1 400 "), "\(malformed)")
    }
    let folder = try TemporaryFolder()
    let file = try folder.write(String(repeating: "x", count: 900), to: "body")
    let curled = try await curl(
      server.url + "/in", "-H", "Transfer-Encoding: chunked", "-H", "Content-Type: a/b", "--data-binary", "@\(file)")
    #expect(curled.body == "900 a/b - -")
    let client = try TextClient(port: server.address.port)
    client.send(
      Array("POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".utf8))
    #expect(client.readToEnd().hasPrefix("HTTP/1.1 400 "))
    await server.shutdown()
  }

  @Test("refuses with 503 what all bodies together would take over the limit, and takes it when there is memory again")
  func memory() async throws {
    let server = try await TestServer(receivers: [receiver()]) { $0.limits.allBodyBytes = 1_000 }
    let first = try TextClient(port: server.address.port)
    first.send(head(800) + Array(repeating: 120, count: 799))
    let second = try TextClient(port: server.address.port)
    try await eventually("the first body to be announced") {
      let probe = try TextClient(port: server.address.port)
      probe.send(self.head(800) + Array(repeating: 120, count: 800))
      return probe.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 503 ")
    }
    second.send(head(100) + Array(repeating: 120, count: 100))
    #expect(second.read(until: "100 ").hasPrefix("HTTP/1.1 200 "))
    first.send([120])
    #expect(first.read(until: "800 ").hasPrefix("HTTP/1.1 200 "))
    second.send(head(900) + Array(repeating: 120, count: 900))
    #expect(second.read(until: "900 ").hasPrefix("HTTP/1.1 200 "))
    // A sender that disappears gives its share back.
    let third = try TextClient(port: server.address.port)
    third.send(head(900))
    third.end()
    try await eventually("a free share") {
      let next = try TextClient(port: server.address.port)
      next.send(self.head(900) + Array(repeating: 120, count: 900))
      return next.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 ")
    }
    await server.shutdown()
  }
}
