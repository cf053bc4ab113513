import Foundation
import KedastralCore
import KedastralNet
import TestSupport
import Testing

@testable import KedastralHTTP

@Suite("HTTP server")
struct HTTPServerTests {
  @Test("a port in use is refused with the address and the reason")
  func portInUse() async throws {
    let server = try await TestServer()
    let address = server.address
    let error = await #expect(throws: Listener.ListenError.self) { _ = try await TestServer(port: address.port) }
    #expect(error?.description == "cannot listen on \(address): the port is in use by another process")
    await server.shutdown()
  }

  @Test("one connection serves many requests, pipelined too")
  func keepAlive() async throws {
    let server = try await TestServer()
    let script = """
      import socket, sys
      s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
      s.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 50)
      s.settimeout(60)
      got = b""
      while got.count(b'{"status":"ok"}') < 50: got += s.recv(65536)
      print(got.count(b"200 OK"))
      """
    let client = try ChildProcess("python3", "-c", script, "\(server.address.port)")
    #expect(try await client.waitForExit() == 0)
    #expect(client.output == "50\n")
    await server.shutdown()
  }

  @Test(
    "input that is not HTTP is refused or the connection is closed, and the server keeps running",
    arguments: [
      "hello\r\n\r\n", "GET\r\n\r\n", "GET /healthz HTTP/9.9\r\n\r\n", "FOO /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nHost x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
      "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ])
  func garbage(input: String) async throws {
    let server = try await TestServer {
      $0.limits.requestTimeout = .seconds(2)
      $0.limits.idleTimeout = .seconds(2)
    }
    let folder = try TemporaryFolder()
    let file = try folder.write(input, to: "input")
    let script = """
      import socket, sys
      s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
      s.sendall(open(sys.argv[2], "rb").read())
      s.settimeout(60)
      got = b""
      while True:
        part = s.recv(65536)
        if not part: break
        got += part
      print(got.split(b"\\r\\n")[0].decode())
      """
    let client = try ChildProcess("python3", "-c", script, "\(server.address.port)", file)
    #expect(try await client.waitForExit() == 0, "\(client.output)")
    #expect(!client.output.contains(" 200 "), "\(client.output)")
    #expect(try await curl(server.url + "/healthz").status == 200)
    await server.shutdown()
  }

  @Test("headers over the limit are rejected in JSON, and a body is not read")
  func limits() async throws {
    let server = try await TestServer()
    let headers = try await curl(server.url + "/healthz", "-H", "X-Long: \(String(repeating: "x", count: 20_000))")
    #expect(headers.status == 431)
    #expect(headers.json["error"] as? String == "the request's headers are over the limit of 16384 bytes")
    let body = try await curl(
      server.url + "/healthz", "-d", String(repeating: "x", count: 100_000), "-H", "Expect:")
    #expect(body.status == 405)
    #expect(try await curl(server.url + "/healthz").status == 200)
    await server.shutdown()
  }

  @Test("a token is required everywhere except for probes and the page's files")
  func token() async throws {
    let server = try await TestServer(token: "s3cret")
    for path in ["/healthz", "/readyz", "/", "/page.js", "/page.css"] {
      #expect(try await curl(server.url + path).status == 200)
    }
    for path in ["/workloads", "/forecast/current?workload=a", "/history?workload=a", "/metrics", "/events"] {
      let refused = try await curl(server.url + path)
      #expect(refused.status == 401)
      #expect(refused.headers["www-authenticate"] == "Bearer")
      #expect(refused.json["error"] != nil)
    }
    #expect(try await curl(server.url + "/workloads", "-H", "Authorization: Bearer wrong").status == 401)
    #expect(try await curl(server.url + "/workloads", "-H", "Authorization: Bearer s3cret").status == 200)
    await server.shutdown()
  }

  @Test("a token must match as a whole")
  func tokenComparison() throws {
    let token = try #require(BearerToken("s3cret"))
    #expect(token.isShown(by: "Bearer s3cret"))
    #expect(token.isShown(by: "bearer s3cret"))
    for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer s3crets3cret", "Bearer ", "Basic s3cret", "s3cret", ""] {
      #expect(!token.isShown(by: wrong))
    }
    #expect(!token.isShown(by: nil))
    #expect(BearerToken("") == nil)
    #expect(BearerToken("a b") == nil)
  }

  @Test("serves HTTPS with the given certificate")
  func https() async throws {
    let folder = try TemporaryFolder()
    let key = folder.url.appendingPathComponent("key.pem").path
    let certificate = folder.url.appendingPathComponent("certificate.pem").path
    let openssl = try ChildProcess(
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
      "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    #expect(try await openssl.waitForExit() == 0)
    let server = try await TestServer(tls: .init(certificate: certificate, key: key))
    let answer = try await curl(server.url + "/healthz", "--cacert", certificate)
    #expect(answer.status == 200)
    #expect(try await curl(server.url + "/healthz").exitCode == 60, "an unknown authority is refused by curl")
    let plain = try await curl("http://127.0.0.1:\(server.address.port)/healthz")
    #expect(plain.status == 0)
    #expect(try await curl(server.url + "/healthz", "--cacert", certificate).status == 200)
    await server.shutdown()
  }

  @Test("a handler that does not respond in time gives a 504")
  func answerTimeout() async throws {
    let loop = try EventLoop()
    var settings = HTTPServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0))
    settings.answerTimeout = .milliseconds(50)
    let service = try await HTTPService(settings, on: loop, metrics: nil) {
      var router = HTTPRouter()
      router.get("/slow") { _ in
        .later {
          try? await Task.sleep(for: .seconds(60))
          return .json([])
        }
      }
      return router
    }
    let answer = try await curl("http://\(service.address)/slow")
    #expect(answer.status == 504)
    #expect(answer.json["error"] as? String == "/slow got no response within 50ms")
    await service.shutdown(within: .seconds(5))
    await loop.stop()
  }

  @Test("closing sends the response in progress, then refuses connections")
  func gracefulClose() async throws {
    let loop = try EventLoop()
    let (entered, enter) = AsyncStream<Void>.makeStream()
    let (released, release) = AsyncStream<Void>.makeStream()
    // Deadlines that a busy machine does not reach.
    var settings = HTTPServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0))
    settings.answerTimeout = .seconds(100)
    let service = try await HTTPService(settings, on: loop, metrics: nil) {
      var router = HTTPRouter()
      router.get("/slow") { _ in
        .later {
          enter.finish()
          for await _ in released {}
          return .json(Array("{}".utf8))
        }
      }
      router.get("/quick") { _ in .now(.json([])) }
      return router
    }
    async let answer = curl("http://\(service.address)/slow", "--max-time", "100")
    for await _ in entered {}
    async let closed: Void = service.shutdown(within: .seconds(100))
    try await eventually("a refused connection") { try await curl("http://\(service.address)/quick").exitCode == 7 }
    release.finish()
    #expect(try await answer.status == 200)
    await closed
    await loop.stop()
  }

  @Test("closing ends open event streams properly")
  func closeStreams() async throws {
    let server = try await TestServer()
    let stream = try ChildProcess("curl", "-sN", server.url + "/events")
    try await eventually("the first event") { stream.output.contains("event: overview") }
    await server.shutdown()
    #expect(try await stream.waitForExit() == 0)
  }

  @Test("closing cancels unfinished handlers at its deadline")
  func closeDeadlineOfWork() async throws {
    let loop = try EventLoop()
    let (entered, enter) = AsyncStream<Void>.makeStream()
    let (cancelled, cancel) = AsyncStream<Bool>.makeStream()
    let service = try await HTTPService(
      HTTPServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0)), on: loop, metrics: nil
    ) {
      var router = HTTPRouter()
      router.get("/slow") { _ in
        .later {
          enter.finish()
          try? await Task.sleep(for: .seconds(60))
          cancel.yield(Task.isCancelled)
          cancel.finish()
          return .json([])
        }
      }
      return router
    }
    async let answer = curl("http://\(service.address)/slow")
    for await _ in entered {}
    await service.shutdown(within: .milliseconds(100))
    #expect(await cancelled.reduce(into: []) { $0.append($1) } == [true])
    #expect(try await answer.status == 0)
    await loop.stop()
  }
}

@Suite("Queries")
struct QueryStringTests {
  @Test("parameters are decoded, and the first one of a name is used")
  func decodes() {
    let query = QueryString("workload=a%2Fb&x=1+2&x=3&flag&empty=&%E2%82%AC=%e2%82%ac&bad=%zz%4")
    #expect(query["workload"] == "a/b")
    #expect(query["x"] == "1 2")
    #expect(query["flag"] == "")
    #expect(query["empty"] == "")
    #expect(query["€"] == "€")
    #expect(query["bad"] == "%zz%4")
    #expect(query["missing"] == nil)
  }

  @Test("a target with scheme and host is accepted")
  func absoluteTarget() {
    let request = HTTPRequest(method: "GET", target: "http://host:8081/history?workload=a#part")
    #expect(request.path == "/history")
    #expect(request.query["workload"] == "a")
    #expect(HTTPRequest(method: "OPTIONS", target: "*").path == "*")
  }
}
