import Foundation
import TestSupport
import Testing

@Suite("TLS of daemons")
struct TLSHostTests {
  /// Connects, sends a request when asked to, and prints what comes: bytes, or the alert's name.
  private static let client = """
    import socket, ssl, sys
    port, authority, certificate, key, protocol, version, sends = sys.argv[1:]
    context = ssl.create_default_context(cafile=authority)
    if protocol: context.set_alpn_protocols([protocol])
    if certificate: context.load_cert_chain(certificate, key)
    if version == "1.2": context.maximum_version = ssl.TLSVersion.TLSv1_2
    request = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" if protocol else b"GET /metrics HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                if sends == "true":
                    for _ in range(20): secure.send(request)
                print(secure.recv(1000))
        except OSError as error: print(error)
    """

  private enum Listener: String, CaseIterable {
    case http = ""
    case grpc = "h2"
  }

  @Test("a client with a rejected certificate receives an alert with the reason, on both listeners")
  func alerts() async throws {
    let (certificates, strangers) = (try await TestCertificates(), try await TestCertificates())
    let (grpc, http) = (freePort(), freePort())
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(http)", "-tls-enabled", "-tls-cert-file",
        certificates.server, "-tls-key-file", certificates.serverKey, "-tls-ca-file", certificates.authority,
        "-forecaster-url", "https://127.0.0.1:\(freePort())", "-log-format", "json",
      ])
    try await eventually("both listeners") {
      !scaler.lines("serving KEDA").isEmpty && !scaler.lines("serving operations").isEmpty
    }
    /// What a client reads; `identity` is a certificate and its key.
    func answer(
      _ listener: Listener, _ identity: (String, String)?, version: String = "", sends: Bool
    ) async throws -> String {
      let client = try ChildProcess(
        "python3", "-c", Self.client, "\(listener == .http ? http : grpc)", certificates.authority, identity?.0 ?? "",
        identity?.1 ?? "", listener.rawValue, version, "\(sends)")
      _ = try await client.waitForExit()
      return client.output.lowercased()
    }
    for sends in [false, true] {
      for listener in Listener.allCases {
        let stranger = try await answer(listener, (strangers.client, strangers.clientKey), sends: sends)
        #expect(stranger.contains("alert unknown ca"), "\(listener): \(stranger)")
        let old = try await answer(
          listener, (certificates.client, certificates.clientKey), version: "1.2", sends: sends)
        #expect(old.contains("alert protocol version"), "\(listener): \(old)")
      }
      let anonymous = try await answer(.grpc, nil, sends: sends)
      #expect(anonymous.contains("alert certificate required"), "\(anonymous)")
    }
    // Over HTTP probes need no certificate, and what does says so in words.
    let anonymous = try await answer(.http, nil, sends: true)
    #expect(anonymous.contains("403") && anonymous.contains("a client certificate is required"), "\(anonymous)")
    let known = try await answer(.http, (certificates.client, certificates.clientKey), sends: true)
    #expect(known.contains("200 ok"), "\(known)")
    scaler.process.kill()
  }

  /// How editors save text.
  enum Encoding: String, CaseIterable {
    case marked = "UTF-8 with a byte order mark"
    case littleEndian = "UTF-16, little-endian"
    case bigEndian = "UTF-16, big-endian"

    func encode(_ text: String) -> Data {
      switch self {
      case .marked: Data([0xEF, 0xBB, 0xBF]) + Data(text.utf8)
      case .littleEndian: Data([0xFF, 0xFE] + text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
      case .bigEndian: Data([0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] })
      }
    }

    /// Writes a copy of a file in this encoding and returns its path.
    func copy(_ path: String, to name: String, in folder: TemporaryFolder) throws -> String {
      let file = folder.url.appendingPathComponent(name)
      try encode(try String(contentsOfFile: path, encoding: .utf8)).write(to: file)
      return file.path
    }
  }

  @Test(
    "certificates, keys and authorities are read with a byte order mark, by servers and clients",
    arguments: Encoding.allCases)
  func markedFiles(encoding: Encoding) async throws {
    let certificates = try await TestCertificates()
    let folder = try TemporaryFolder()
    let tls = try [
      "-tls-enabled", "-tls-cert-file", encoding.copy(certificates.server, to: "tls.crt", in: folder),
      "-tls-key-file", encoding.copy(certificates.serverKey, to: "tls.key", in: folder), "-tls-ca-file",
      encoding.copy(certificates.authority, to: "ca.crt", in: folder),
    ]
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api}")
    let (http, grpc, operations) = (freePort(), freePort(), freePort())
    let forecaster = try Daemon(
      "kedastral-forecaster", ["-listen", "127.0.0.1:\(http)", "-config", trace.file] + tls)
    // The server's certificate is shown to the forecaster as the scaler's own.
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(operations)", "-forecaster-url",
        "https://127.0.0.1:\(http)", "-log-format", "json",
      ] + tls)
    let identity = ["--cert", certificates.client, "--key", certificates.clientKey, "--cacert", certificates.authority]
    try await eventually("a plan at the scaler") {
      let ask = try ChildProcess(
        "curl", arguments: identity + ["-s", "https://127.0.0.1:\(operations)/explain?workload=api"])
      _ = try await ask.waitForExit()
      return ask.output.contains(#""replicas":30"#)
    }
    for daemon in [forecaster, scaler] { daemon.process.kill() }
  }

  @Test("passwords and tokens are read with a byte order mark, by servers and clients", arguments: Encoding.allCases)
  func markedSecrets(encoding: Encoding) async throws {
    let password = "pässword"
    let redis = try await RedisServer(["--requirepass", password], cli: ["-a", password, "--no-auth-warning"])
    let folder = try TemporaryFolder()
    func file(_ name: String, _ text: String) throws -> String {
      let place = folder.url.appendingPathComponent(name)
      try encoding.encode(text).write(to: place)
      return place.path
    }
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api}")
    let (http, operations) = (freePort(), freePort())
    let forecaster = try Daemon(
      "kedastral-forecaster",
      [
        "-listen", "127.0.0.1:\(http)", "-config", trace.file, "-storage", "redis", "-redis-addr",
        "127.0.0.1:\(redis.port)", "-redis-password-file", file("redis", password + "\n"), "-http-token-file",
        file("server", "t0ken\n"),
      ])
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-listen", "127.0.0.1:\(freePort())", "-http-listen", "127.0.0.1:\(operations)", "-forecaster-url",
        "http://127.0.0.1:\(http)", "-forecaster-token-file", file("client", "  t0ken\r\n"),
      ])
    try await eventually("a plan at the scaler, by way of Redis and the forecaster") {
      await Daemon.get(operations, "/explain?workload=api").body.contains(#""replicas":30"#)
    }
    #expect(await Daemon.get(http, "/metrics").status == 401)
    for daemon in [forecaster, scaler] { daemon.process.kill() }
    redis.kill()
  }
}
