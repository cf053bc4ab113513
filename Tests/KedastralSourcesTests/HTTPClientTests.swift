import Foundation
import KedastralNet
import KedastralSources
import Synchronization
import TestSupport
import Testing

@Suite("HTTP client")
struct HTTPClientTests {
  /// A client and a server for one test, each on a loop of its own.
  private func with(
    tls: TLSContext? = nil, settings: HTTPClient.Settings = .init(),
    respond: @escaping @Sendable (FaultServer.Request) -> FaultServer.Answer,
    _ body: (HTTPClient, FaultServer) async throws -> Void
  ) async throws {
    let serverLoop = try EventLoop()
    let server = try await FaultServer(on: serverLoop, tls: tls, respond: respond)
    let loop = try EventLoop()
    let client = try HTTPClient(on: loop, settings: settings)
    try await body(client, server)
    await client.close()
    await loop.stop()
    try await server.stop()
    await serverLoop.stop()
  }

  @Test("consecutive requests share one connection")
  func keepAlive() async throws {
    try await with(respond: { _ in .json("{}") }) { client, server in
      for _ in 0..<50 {
        let response = try await client.send(HTTPRequest(HTTPEndpoint(server.url)))
        #expect(response.status == 200)
      }
      #expect(server.connectionCount == 1)
    }
  }

  @Test("method, path, headers and body arrive as given")
  func arrives() async throws {
    try await with(respond: { _ in .json("[1]", status: 201) }) { client, server in
      let endpoint = HTTPEndpoint(server.url + "/base/", headers: [HTTPHeader("X-One", "1")])
      let request = HTTPRequest(
        endpoint, method: "PUT", path: "/leaf?q=1", headers: [HTTPHeader("X-Two", "2")], body: Array("body".utf8))
      let response = try await client.send(request)
      #expect(response.status == 201)
      #expect(String(decoding: response.body, as: UTF8.self) == "[1]")
      let seen = try #require(server.requests.first)
      #expect(seen.line == "PUT /base/leaf?q=1 HTTP/1.1")
      #expect(seen.headers["x-one"] == "1")
      #expect(seen.headers["x-two"] == "2")
      #expect(seen.headers["accept-encoding"] == "gzip")
      #expect(seen.body == "body")
    }
  }

  @Test(
    "an empty or absent body has the length 0 where the method expects a body", arguments: ["POST", "PUT", "DELETE"])
  func emptyBody(method: String) async throws {
    try await with(respond: { _ in .json("{}") }) { client, server in
      let endpoint = HTTPEndpoint(server.url)
      _ = try await client.send(HTTPRequest(endpoint, method: method, body: []))
      _ = try await client.send(HTTPRequest(endpoint, method: method))
      #expect(server.requests.map(\.line) == [String](repeating: "\(method) / HTTP/1.1", count: 2))
      #expect(server.requests[0].headers["content-length"] == "0")
      #expect(server.requests[1].headers["content-length"] == (method == "DELETE" ? nil : "0"))
    }
  }

  @Test("a HEAD request has a response without a body")
  func head() async throws {
    try await with(respond: { _ in .raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n") }) { client, server in
      let response = try await client.send(HTTPRequest(HTTPEndpoint(server.url), method: "HEAD"))
      #expect(response.status == 200)
      #expect(response.body.isEmpty)
    }
  }

  @Test("replaces a connection that the server closed while it was idle")
  func hangUp() async throws {
    try await with(respond: { _ in .answerAndHangUp("fine") }) { client, server in
      for _ in 0..<5 {
        let response = try await client.send(HTTPRequest(HTTPEndpoint(server.url), method: "POST", body: [1]))
        #expect(response.excerpt == "fine")
      }
    }
  }

  @Test("no more requests than allowed run for one host, and all are completed")
  func concurrencyLimit() async throws {
    try await with(settings: .init(maximumRequestsPerHost: 3), respond: { _ in .json("{}") }) { client, server in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<100 { group.addTask { try await client.send(HTTPRequest(HTTPEndpoint(server.url))).status } }
        for try await status in group { #expect(status == 200) }
      }
      #expect(server.connectionCount <= 3)
    }
  }

  @Test("a host that hangs does not delay requests to another one")
  func hangingNeighbour() async throws {
    try await with(settings: .init(maximumRequestsPerHost: 1), respond: { _ in .silence }) { client, hanging in
      let stuck = Task { try await client.send(HTTPRequest(HTTPEndpoint(hanging.url))) }
      try await eventually("the request to hang") { hanging.requests.count == 1 }
      let loop = try EventLoop()
      let server = try await FaultServer(on: loop) { _ in .json("{}") }
      #expect(try await client.send(HTTPRequest(HTTPEndpoint(server.url))).status == 200)
      stuck.cancel()
      await #expect(throws: CancellationError.self) { try await stuck.value }
      try await server.stop()
      await loop.stop()
    }
  }

  @Test("running and queued requests time out, and each reports its phase")
  func deadline() async throws {
    try await with(settings: .init(maximumRequestsPerHost: 1), respond: { _ in .silence }) { client, server in
      let first = Task { try await client.send(HTTPRequest(HTTPEndpoint(server.url, deadline: .seconds(60)))) }
      try await eventually("the first request") { server.requests.count == 1 }
      let inLine = await #expect(throws: HTTPError.self) {
        try await client.send(HTTPRequest(HTTPEndpoint(server.url, deadline: .milliseconds(1))))
      }
      #expect(
        inLine?.description.hasSuffix("no response within 1ms (queued behind other requests to this host)")
          == true)
      first.cancel()
      await #expect(throws: CancellationError.self) { try await first.value }
      let underWay = await #expect(throws: HTTPError.self) {
        try await client.send(HTTPRequest(HTTPEndpoint(server.url, deadline: .seconds(2))))
      }
      #expect(underWay?.description == "GET \(server.url): no response within 2s (waiting for the response)")
    }
  }

  @Test("cancelling ends a request at once, and frees its slot")
  func cancellation() async throws {
    try await with(
      settings: .init(maximumRequestsPerHost: 1), respond: { $0.line.contains("hang") ? .silence : .json("{}") }
    ) { client, server in
      let task = Task { try await client.send(HTTPRequest(HTTPEndpoint(server.url), path: "/hang")) }
      try await eventually("the request") { server.requests.count == 1 }
      let waiting = Task { try await client.send(HTTPRequest(HTTPEndpoint(server.url), path: "/next")) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try await waiting.value.status == 200)
    }
  }

  @Test("closing the client ends running and queued requests")
  func closing() async throws {
    try await with(settings: .init(maximumRequestsPerHost: 1), respond: { _ in .silence }) { client, server in
      let tasks = (0..<3).map { _ in Task { try await client.send(HTTPRequest(HTTPEndpoint(server.url))) } }
      try await eventually("a request") { server.requests.count == 1 }
      await client.close()
      for task in tasks {
        let error = await #expect(throws: HTTPError.self) { try await task.value }
        #expect(error?.reason == .clientClosed)
      }
      let late = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(HTTPEndpoint(server.url))) }
      #expect(late?.reason == .clientClosed)
    }
  }

  @Test("rejects a response beyond the limit while it arrives, also when compressed")
  func tooLarge() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(String(repeating: "0", count: 1 << 20), to: "zeros")
    let gzip = try ChildProcess("gzip", file)
    #expect(try await gzip.waitForExit() == 0)
    let bomb = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file + ".gz")))
    #expect(bomb.count < 10_000)
    let plain = [UInt8](repeating: 0x30, count: 1 << 20)
    try await with(respond: { request in
      request.line.contains("bomb")
        ? .answer(headers: ["Content-Encoding: gzip"], body: bomb) : .answer(body: plain)
    }) { client, server in
      for path in ["/bomb", "/plain"] {
        let endpoint = HTTPEndpoint(server.url, maximumAnswerBytes: 100_000)
        let error = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(endpoint, path: path)) }
        #expect(error?.description == "GET \(server.url)\(path): the response is larger than the limit of 100000 bytes")
        let patient = HTTPEndpoint(server.url, maximumAnswerBytes: 1 << 20)
        let response = try await client.send(HTTPRequest(patient, path: path))
        #expect(response.body == plain)
      }
    }
  }

  @Test("a redirect is reported, not followed")
  func redirect() async throws {
    try await with(respond: { _ in .answer(status: 302, headers: ["Location: http://elsewhere:1/x?secret=1"]) }) {
      client, server in
      let response = try await client.send(HTTPRequest(HTTPEndpoint(server.url)))
      #expect(response.status == 302)
      #expect(
        response.problem()
          == "HTTP 302: moved to http://elsewhere:1/x?secret=…; redirects are not followed, change the URL")
      #expect(server.requests.count == 1)
    }
  }

  @Test("a response that is not HTTP is an error in one line")
  func garbage() async throws {
    try await with(respond: { _ in .raw("SSH-2.0-OpenSSH_9.2\r\n") }) { client, server in
      let error = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(HTTPEndpoint(server.url))) }
      #expect(error?.description == "GET \(server.url): Received HTTP/0.9 when not allowed")
    }
  }

  @Test("a port without a listener and an unknown host are reported")
  func down() async throws {
    let loop = try EventLoop()
    let client = try HTTPClient(on: loop)
    let port = freePort()
    let refused = await #expect(throws: HTTPError.self) {
      try await client.send(HTTPRequest(HTTPEndpoint("http://127.0.0.1:\(port)"), path: "/metrics"))
    }
    #expect(refused?.description == "GET http://127.0.0.1:\(port)/metrics: cannot connect: Connection refused")
    let unknown = await #expect(throws: HTTPError.self) {
      try await client.send(HTTPRequest(HTTPEndpoint("http://nowhere.invalid")))
    }
    #expect(unknown?.description == "GET http://nowhere.invalid: Could not resolve host: nowhere.invalid")
    await client.close()
    await loop.stop()
  }

  @Test("a proxy in the settings is used")
  func chosenProxy() async throws {
    let loop = try EventLoop()
    let proxy = try await FaultServer(on: loop) { _ in .json("{}") }
    let client = try HTTPClient(on: loop, settings: .init(proxy: proxy.url))
    #expect(try await client.send(HTTPRequest(HTTPEndpoint("http://far.invalid"))).status == 200)
    #expect(proxy.requests.first?.line == "GET http://far.invalid/ HTTP/1.1")
    await client.close()
    try await proxy.stop()
    await loop.stop()
  }

  @Test(
    "rejects invalid requests with the reason",
    arguments: [
      ("ftp://host", "GET", "x", "the URL must begin with http:// or https://"),
      ("http://", "GET", "x", "the URL has no host"),
      ("http://h/a b", "GET", "x", "the URL contains a space or a control character; write it percent-encoded"),
      ("http://h", "G T", "x", "'G T' is not a method"),
      ("http://h", "GET", "x\r\nInjected: 1", "the value of header X contains a control character"),
    ])
  func refused(url: String, method: String, value: String, problem: String) async throws {
    let loop = try EventLoop()
    let client = try HTTPClient(on: loop)
    let error = await #expect(throws: HTTPError.self) {
      try await client.send(HTTPRequest(HTTPEndpoint(url), method: method, headers: [HTTPHeader("X", value)]))
    }
    #expect(error?.reason == .invalidRequest(problem))
    await client.close()
    await loop.stop()
  }

  @Test("a client that is released without being closed cleans up its loop")
  func dropped() async throws {
    try await with(respond: { _ in .json("{}") }) { _, server in
      let loop = try EventLoop()
      for _ in 0..<3 {
        #expect(try await HTTPClient(on: loop).send(HTTPRequest(HTTPEndpoint(server.url))).status == 200)
      }
      #expect(try await loop.run { true })
      await loop.stop()
    }
  }
}
