import KedastralCore
import KedastralNet
import KedastralSources
import Testing

@testable import KedastralDaemon

@Suite("Values of settings")
struct SettingValueTests {
  @Test(
    "a quantile level is a percentile or a fraction, 0 means none",
    arguments: [
      ("p90", 0.9), ("P95", 0.95), ("p99.9", 0.999), ("0.90", 0.9), ("0.5", 0.5), ("0", nil), ("p0", nil), ("0.0", nil),
    ] as [(String, Double?)])
  func quantileLevel(text: String, level: Double?) throws {
    #expect(try QuantileLevel(settingText: text).level == level)
  }

  @Test(
    "other quantile levels are refused", arguments: ["90", "p100", "1", "-0.1", "p-5", "p", "", "nan", "high", "inf"])
  func badQuantileLevel(text: String) {
    #expect(throws: SettingValueError.self) { try QuantileLevel(settingText: text) }
  }

  @Test(
    "an address is host and port",
    arguments: [
      (":8081", "", 8081), ("127.0.0.1:0", "127.0.0.1", 0), ("redis-0.redis:6379", "redis-0.redis", 6379),
      ("[::1]:50051", "::1", 50_051),
    ] as [(String, String, UInt16)])
  func address(text: String, host: String, port: UInt16) throws {
    let address = try ListenAddress(settingText: text)
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.description == text)
  }

  @Test(
    "other addresses are refused",
    arguments: ["", "8081", "host", "host:", "host:65536", "a b:1", "::1:80", "h:-1", "[x]:1", "h:+1"])
  func badAddress(text: String) {
    #expect(throws: SettingValueError.self) { try ListenAddress(settingText: text) }
  }

  @Test("a proxy is a URL, none, or the environment's")
  func proxy() throws {
    #expect(try HTTPProxy(settingText: "environment") == .environment())
    #expect(try HTTPProxy(settingText: "none") == .none)
    for text in ["http://proxy:3128", "https://u:p@proxy/", "socks5h://[::1]:1080", "SOCKS4://proxy"] {
      let proxy = try HTTPProxy(settingText: text)
      #expect(proxy == .server(text) && !"\(proxy)".contains("u:p"))
    }
  }

  @Test(
    "other proxies are refused",
    arguments: [
      "", "proxy:3128", "ftp://proxy", "http://", "http://proxy:0", "http://proxy/path", "http://p q", "direct",
    ])
  func badProxy(text: String) {
    #expect(throws: SettingValueError.self) { try HTTPProxy(settingText: text) }
  }

  @Test("a source inherits the proxy of the defaults, and a csv source has none")
  func proxyOfDefaults() throws {
    let configuration = try forecaster(
      file: """
        defaults: {metric: rps, source: {query: up, proxy: "http://proxy:3128"}}
        workloads: [{name: a}, {name: b, source: {url: "http://near", proxy: none}}]
        """)
    let proxies = configuration.workloads.map { workload -> HTTPProxy? in
      if case .prometheus(let source) = workload.source { source.endpoint.proxy } else { nil }
    }
    #expect(proxies == [.server("http://proxy:3128"), HTTPProxy.none])
    let problems = problems {
      _ = try forecaster(
        file: "workloads: [{name: a, metric: m, source: {type: csv, path: f, proxy: none}}]")
    }
    #expect(problems.count == 1 && problems[0].contains("a source of type csv has no key 'proxy'"))
  }

  @Test(
    "a web URL has http or https, a host, and maybe a template",
    arguments: [
      "http://prometheus:9090", "https://user:pass@x.example/path?q=1", "http://[::1]:9090",
      "http://x/api?from={{.Start}}&to={{.End}}",
    ])
  func webURL(text: String) {
    #expect(WebURL(text)?.text == text)
  }

  @Test(
    "other URLs are refused",
    arguments: [
      "", "prometheus:9090", "ftp://x", "http://", "http:///path", "http://a b", "http://x:99999", "//x", "http://x\n",
    ])
  func badWebURL(text: String) {
    #expect(WebURL(text) == nil)
  }

  @Test("pairs are given with equals signs or as a JSON object")
  func pairs() throws {
    #expect(try StringMap(settingText: "a=1, b = x=y").pairs == ["a": "1", "b": "x=y"])
    #expect(try StringMap(settingText: #"{"a": "1,2", "b": "x: y"}"#).pairs == ["a": "1,2", "b": "x: y"])
    #expect(try StringMap(settingText: "").pairs.isEmpty)
    for text in ["a", "=b", "{", #"{"a": [1]}"#] {
      #expect(throws: SettingValueError.self) { try StringMap(settingText: text) }
    }
  }

  @Test("a Redis endpoint is an address with a host, or a socket")
  func redisEndpoint() throws {
    #expect(try RemoteAddress(settingText: "redis:6379") == .network(host: "redis", port: 6379))
    #expect(try RemoteAddress(settingText: "/run/redis.sock") == .unixSocket(path: "/run/redis.sock"))
    for text in [":6379", "redis", "redis:0", ""] {
      #expect(throws: SettingValueError.self) { try RemoteAddress(settingText: text) }
    }
  }

  @Test("a secret shows in no description, debug description or dump")
  func secret() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump([secret], to: &dumped)
    #expect(!"\(secret) \(String(reflecting: secret)) \([secret]) \(dumped)".contains("hunter2"))
    #expect(secret.text == "hunter2")
  }

  @Test("a whole configuration can be printed without its secrets")
  func printedConfiguration() throws {
    let configuration = try forecaster(
      ["-storage=redis", "-redis-url=rediss://u:hunter2@redis:6380", "-redis-password=hunter2"],
      environment: [
        "ADAPTER_URL": "http://u:hunter2@prometheus:9090", "ADAPTER_HEADERS": "Authorization=hunter2",
        "ADAPTER_BEARER_TOKEN": "hunter2",
      ])
    var dumped = ""
    dump(configuration, to: &dumped)
    #expect(!dumped.contains("hunter2"))
    #expect(!"\(configuration)".contains("hunter2"))
  }

  @Test(
    "messages mask the user part of a URL and stay short",
    arguments: [
      ("ftp://u:pa@ss@host/x", "ftp://***@host/x"), ("a\nb", "a b"), ("http://host", "http://host"),
      (String(repeating: "x", count: 100), String(repeating: "x", count: 80) + "…"),
    ])
  func redaction(text: String, shown: String) {
    #expect(Redaction.shown(text) == shown)
  }
}

@Suite("Suggestions")
struct SuggestionTests {
  @Test(
    "suggests the intended word for a typing error",
    arguments: [
      ("horizn", "horizon"), ("hroizon", "horizon"), ("HORIZON", "horizon"), ("target_per_pod", "target-per-pod"),
      ("targetperpod", "target-per-pod"),
    ])
  func near(word: String, meant: String) {
    #expect(Suggestion.nearest(to: word, among: ["horizon", "step", "target-per-pod"]) == meant)
  }

  @Test("suggests nothing for an unrelated word", arguments: ["xyz", "colour", ""])
  func far(word: String) {
    #expect(Suggestion.nearest(to: word, among: ["horizon", "step", "target-per-pod"]) == nil)
  }
}
