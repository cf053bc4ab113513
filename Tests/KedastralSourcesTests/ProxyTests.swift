import Foundation
import KedastralCore
import KedastralNet
import TestSupport
import Testing

@testable import KedastralSources

@Suite("Proxies")
struct ProxyTests {
  private func proxy(_ variables: [String: String], for url: String) -> String? {
    HTTPProxy.environment(variables).url(for: HTTPRequest(HTTPEndpoint(url)))
  }

  private static let schemeCases: [(variables: [String: String], url: String, expected: String?)] = [
    (["http_proxy": "http://a"], "http://h", "http://a"), (["HTTP_PROXY": "http://a"], "http://h", "http://a"),
    (["http_proxy": "http://a", "HTTP_PROXY": "http://b"], "HTTP://h", "http://a"),
    (["http_proxy": "http://a"], "https://h", nil), (["https_proxy": "http://a"], "https://h:9/x", "http://a"),
    (["https_proxy": "http://a"], "http://h", nil), (["ALL_PROXY": "socks5://a"], "https://h", "socks5://a"),
    (["http_proxy": "", "all_proxy": "http://b"], "http://h", "http://b"), ([:], "http://h", nil),
  ]

  @Test("the environment's proxy is that of the URL's scheme", arguments: schemeCases)
  func scheme(variables: [String: String], url: String, expected: String?) {
    #expect(proxy(variables, for: url) == expected)
  }

  private static let exceptionCases: [(list: String, host: String, isExcepted: Bool)] = [
    ("example.com", "example.com", true), ("example.com", "a.example.com", true),
    ("example.com", "anexample.com", false),
    (".svc,.cluster.local", "prometheus.monitoring.svc", true), ("*.corp", "p.corp", true),
    ("p.corp:9090", "p.corp", true),
    ("EXAMPLE.com", "Example.COM", true), ("*", "anything", true), ("", "h", false), (" , ,", "h", false),
    ("a b, c", "b", true), ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false),
    ("10.1.2.0/23", "10.1.3.9", true), ("10.1.2.0/23", "10.1.4.9", false), ("10.1.2.3", "10.1.2.3", true),
    ("10.1.2.3:80", "10.1.2.3", true), ("10.1.2.3/40", "10.1.2.3", false), ("fd00::/8", "[fd12::1]", true),
    ("fd00::/8", "[fe12::1]", false), ("2001:db8::1", "[2001:db8::1]", true), ("10.0.0.0/8", "10.example", false),
  ]

  @Test("no_proxy accepts names with their subdomains, addresses and networks", arguments: exceptionCases)
  func exceptions(list: String, host: String, isExcepted: Bool) {
    let found = proxy(["http_proxy": "http://p", "no_proxy": list], for: "http://\(host):9090/x")
    #expect((found == nil) == isExcepted)
  }

  @Test(
    "this machine is reached directly, unless a proxy is configured",
    arguments: ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "app.localhost", "LOCALHOST"])
  func loopback(host: String) {
    let url = "http://\(host):9090"
    #expect(proxy(["http_proxy": "http://p"], for: url) == nil)
    #expect(HTTPProxy.server("http://p").url(for: HTTPRequest(HTTPEndpoint(url))) == "http://p")
    #expect(HTTPProxy.none.url(for: HTTPRequest(HTTPEndpoint(url))) == nil)
  }

  /// A double of a proxy, which answers in place of the servers behind it.
  private func requests(
    _ answer: FaultServer.Answer, _ body: (HTTPClient, String) async throws -> Void
  ) async throws -> [FaultServer.Request] {
    let loop = try EventLoop()
    let proxy = try await FaultServer(on: loop) { _ in answer }
    try await withClient { try await body($0, proxy.url) }
    let requests = proxy.requests
    try await proxy.stop()
    await loop.stop()
    return requests
  }

  @Test("a request to an http server goes to the proxy with its full URL and the proxy's user")
  func plain() async throws {
    let requests = try await requests(.json("{}")) { client, url in
      let proxy = url.replacing("http://", with: "http://user:pass@")
      let endpoint = HTTPEndpoint("http://far.invalid:9090/a?b=c", proxy: .environment(["http_proxy": proxy]))
      let proxied = try await client.send(HTTPRequest(endpoint, path: "/d"))
      let excepted = HTTPEndpoint(url, proxy: .environment(["http_proxy": "http://127.0.0.1:1"]))
      let direct = try await client.send(HTTPRequest(excepted))
      #expect(proxied.status == 200 && direct.status == 200)
    }
    #expect(requests.map(\.line) == ["GET http://far.invalid:9090/a/d?b=c HTTP/1.1", "GET / HTTP/1.1"])
    #expect(requests[0].headers["proxy-authorization"] == "Basic " + Data("user:pass".utf8).base64EncodedString())
  }

  @Test("a request to an https server uses a tunnel, and an error names the proxy without its password")
  func tunnel() async throws {
    let requests = try await requests(.json("no", status: 403)) { client, url in
      let proxy = url.replacing("http://", with: "http://user:pass@")
      let endpoint = HTTPEndpoint("https://far.invalid", proxy: .server(proxy))
      let error = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(endpoint)) }
      let text = error?.description ?? ""
      #expect(text.contains("403") && text.hasSuffix("(through the proxy \(url))"), "\(text)")
    }
    #expect(requests.map(\.line) == ["CONNECT far.invalid:443 HTTP/1.1"])
  }

  @Test("a proxy that does not respond is named, whether it is unavailable or silent")
  func away() async throws {
    let port = freePort()
    try await withClient { client in
      let endpoint = HTTPEndpoint("http://far.invalid", proxy: .server("http://127.0.0.1:\(port)"))
      let error = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(endpoint)) }
      #expect(
        error?.description
          == "GET http://far.invalid: cannot connect: Connection refused (through the proxy http://127.0.0.1:\(port))")
    }
    _ = try await requests(.silence) { client, url in
      let endpoint = HTTPEndpoint("http://far.invalid", proxy: .server(url), deadline: .milliseconds(300))
      let error = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(endpoint)) }
      #expect(
        error?.description
          == "GET http://far.invalid: no response within 300ms (waiting for the response, through the proxy \(url))")
    }
  }
}
