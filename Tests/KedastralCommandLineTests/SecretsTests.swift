import Foundation
import TestSupport
import Testing

@Suite("Secrets of daemons")
struct SecretsTests {
  private static let secret = "S3CRET-hunter2"
  private static let daemons = ["kedastral-forecaster", "kedastral-scaler"]

  /// Further required arguments of a daemon; nothing listens at their addresses.
  private static func arguments(of daemon: String, http: UInt16 = freePort()) -> [String] {
    let common = ["-log-level", "debug"]
    return daemon == "kedastral-scaler"
      ? common + ["-listen", "127.0.0.1:\(freePort())", "-http-listen", "127.0.0.1:\(http)"]
      : common + ["-listen", "127.0.0.1:\(http)", "-workload", "w", "-metric", "m", "-adapter-query", "up"]
  }

  /// Whether a text holds any of the secrets, plain or as basic authentication sends it.
  private static func shows(_ text: String, _ secrets: [String]) -> Bool {
    secrets.contains { secret in
      text.contains(secret) || text.contains(Data("ann:\(secret)".utf8).base64EncodedString())
    }
  }

  @Test(
    "an unusable key or token stops the start with its file's name, and its content is not shown",
    arguments: daemons)
  func refusedAtTheStart(daemon: String) async throws {
    let certificates = try await TestCertificates()
    let folder = try TemporaryFolder()
    let foreign = try String(contentsOfFile: certificates.clientKey, encoding: .utf8)
    let body = Data("\(Self.secret) and more of the same".utf8).base64EncodedString()
    let broken = "-----BEGIN PRIVATE KEY-----\n\(body)\n\(Self.secret)\n-----END PRIVATE KEY-----\n"
    let secrets = [Self.secret, body] + foreign.split(separator: "\n").filter { !$0.hasPrefix("-") }.map(String.init)
    let tls = ["-tls-enabled", "-tls-cert-file", certificates.server]
    for (name, content, options) in [
      ("foreign.key", foreign, tls + ["-tls-key-file"]), ("broken.key", broken, tls + ["-tls-key-file"]),
      ("token", "\(Self.secret)\n\(Self.secret)\n", ["-http-token-file"]),
    ] {
      let file = try folder.write(content, to: name)
      let (code, output) = try await Daemon.run(daemon, Self.arguments(of: daemon) + options + [file])
      #expect(code != 0 && output.contains(file), "\(name): \(output)")
      #expect(!Self.shows(output, secrets), "\(name): \(output)")
    }
  }

  @Test(
    "passwords and tokens that Redis and Prometheus reject are in no log and no response",
    arguments: ["basic", "bearer"])
  func refusedByOthers(kind: String) async throws {
    let redis = try await RedisServer(["--requirepass", "another"], cli: ["-a", "another", "--no-auth-warning"])
    let prometheus = try await PrometheusServer(
      webConfiguration: """
        basic_auth_users: {ann: "$2b$04$aqgWjuEHGFC7cPdzESxdaeXOqBYm3Y2dF5lst3CsF6ggxhgblp2yu"}
        """)
    defer { prometheus.stop() }
    let secrets = ["REDIS_PASSWORD": Self.secret].merging(
      kind == "basic"
        ? ["ADAPTER_BASIC_USER": "ann", "ADAPTER_BASIC_PASSWORD": Self.secret] : ["ADAPTER_BEARER_TOKEN": Self.secret]
    ) { $1 }
    for name in Self.daemons {
      let http = freePort()
      let source = name == "kedastral-forecaster" ? ["-adapter-url", prometheus.url] : []
      let daemon = try Daemon(
        name,
        Self.arguments(of: name, http: http) + source + [
          "-storage", "redis", "-redis-addr", "127.0.0.1:\(redis.port)",
        ],
        environment: secrets)
      try await eventually("the refusals") {
        daemon.process.output.contains("WRONGPASS") && (source.isEmpty || daemon.process.output.contains("HTTP 401"))
      }
      for path in ["/readyz", "/metrics"] {
        let answer = await Daemon.get(http, path)
        #expect(answer.status != 0)
        #expect(!Self.shows(answer.body, [Self.secret]), "\(answer.body)")
      }
      #expect(!Self.shows(daemon.process.output, [Self.secret]), "\(daemon.process.output)")
    }
  }
}
