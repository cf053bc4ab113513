import Foundation
import KedastralGRPC
import KedastralNet
import Synchronization
import TestSupport
import Testing

@Suite("TLS and mutual TLS")
struct TLSTests {
  @Test(
    "a client that trusts the authority calls over TLS with HTTP/2 negotiated; one that speaks plain text is cut off")
  func tls() async throws {
    let certificates = try await TestCertificates()
    let files = TLSContext.Files(certificate: certificates.server, key: certificates.serverKey)
    let scaler = try await TestScaler(tls: files)
    await scaler.put([try .plan()])
    let client = try await PythonClient(port: scaler.port, ["authorities": certificates.authority])
    #expect(try await client.call("GetMetrics", "api").value == 9)
    let stream = try client.stream("StreamIsActive", "api")
    #expect(try await stream.next().active == true)
    let plain = try await PythonClient(port: scaler.port)
    #expect(try await plain.call("GetMetrics", "api", [:], ["timeout": 60]).code == "UNAVAILABLE")
    await scaler.server.shutdown(within: .seconds(5))
    #expect(try await stream.next().code == "OK")
  }

  @Test("with client authorities, a client needs a certificate of theirs")
  func mutual() async throws {
    let certificates = try await TestCertificates()
    let strangers = try await TestCertificates()
    let files = TLSContext.Files(
      certificate: certificates.server, key: certificates.serverKey,
      authorities: certificates.authority)
    let scaler = try await TestScaler(tls: files)
    await scaler.put([try .plan()])
    func code(_ identity: TestCertificates?) async throws -> String? {
      var connection: [String: any Sendable] = ["authorities": certificates.authority]
      if let identity {
        connection["certificate"] = identity.client
        connection["key"] = identity.clientKey
      }
      let client = try await PythonClient(port: scaler.port, connection)
      return try await client.call("GetMetrics", "api", [:], ["timeout": 60]).code
    }
    #expect(try await code(certificates) == "OK")
    #expect(try await code(nil) == "UNAVAILABLE")
    #expect(try await code(strangers) == "UNAVAILABLE")
    try await eventually("the refused handshakes to be logged") {
      scaler.log.lines.contains { $0.contains("reason=tls_handshake detail=TLS: peer did not return a certificate") }
    }
    #expect(scaler.log.lines.filter { $0.contains("tls_handshake") }.count <= 3)
    #expect(try await code(certificates) == "OK")
    await scaler.server.shutdown(within: .zero)
  }

  @Test("a client without a certificate reads the alert that says so, also while it sends", arguments: [false, true])
  func alert(sends: Bool) async throws {
    let certificates = try await TestCertificates()
    let scaler = try await TestScaler(
      tls: .init(
        certificate: certificates.server, key: certificates.serverKey, authorities: certificates.authority))
    for _ in 0..<5 {
      let script = """
        import socket, ssl, sys
        context = ssl.create_default_context(cafile=sys.argv[2])
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="localhost") as secure:
                    if sys.argv[3] == "true":
                        for _ in range(20): secure.send(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n")
                    print(secure.recv(10))
            except OSError as error: print(error)
        """
      let client = try ChildProcess(
        "python3", "-c", script, "\(scaler.port)", certificates.authority, "\(sends)")
      _ = try await client.waitForExit()
      #expect(client.output.lowercased().contains("certificate required"), "\(client.output)")
    }
    await scaler.server.shutdown(within: .zero)
  }

  @Test("a certificate that cannot be loaded stops the start, naming the file")
  func missingFile() async throws {
    let error = await #expect(throws: TLSContext.LoadError.self) {
      _ = try await TestScaler(tls: TLSContext.Files(certificate: "/nowhere/server.pem", key: "/nowhere/server.key"))
    }
    #expect(error?.file == "/nowhere/server.pem")
  }

  @Test("rotated files serve new connections, old ones stay; a pair that does not fit changes nothing, and says why")
  func rotation() async throws {
    let first = try await TestCertificates()
    let second = try await TestCertificates()
    let folder = try MountedFolder()
    try folder.turn(toCopiesOf: ["tls.crt": first.server, "tls.key": first.serverKey])
    let changes = Mutex<[String]>([])
    let identity = try TLSIdentity(
      .server, files: .init(certificate: folder.path("tls.crt"), key: folder.path("tls.key")), protocols: ["h2"]
    ) { change in
      changes.withLock { changes in
        switch change {
        case .loaded(let context): changes.append("loaded \(context.certificateExpiry ?? 0 > 1_700_000_000)")
        case .refused(let error): changes.append("\(error)")
        }
      }
    }
    let scaler = try await TestScaler(identity: identity)
    await scaler.put([try .plan()])
    let old = try await PythonClient(port: scaler.port, ["authorities": first.authority])
    #expect(try await old.call("GetMetrics", "api").code == "OK")
    let stream = try old.stream("StreamIsActive", "api")
    #expect(try await stream.next().active == true)

    try folder.turn(toCopiesOf: ["tls.crt": second.server, "tls.key": first.serverKey])
    try await eventually("the pair to be refused") { changes.withLock { $0.count } == 2 }
    #expect(changes.withLock { $0[1] }.contains("tls.key"))
    let meanwhile = try await PythonClient(port: scaler.port, ["authorities": first.authority])
    #expect(try await meanwhile.call("GetMetrics", "api").code == "OK")

    try folder.turn(toCopiesOf: ["tls.crt": second.server, "tls.key": second.serverKey])
    try await eventually("the pair to be loaded") {
      changes.withLock { $0.last == "loaded true" && $0.count == 3 }
    }
    let new = try await PythonClient(port: scaler.port, ["authorities": second.authority])
    #expect(try await new.call("GetMetrics", "api").code == "OK")
    let distrustful = try await PythonClient(port: scaler.port, ["authorities": first.authority])
    #expect(try await distrustful.call("GetMetrics", "api", [:], ["timeout": 60]).code == "UNAVAILABLE")
    #expect(try await old.call("GetMetrics", "api").code == "OK")
    #expect(stream.unreadCount == 0)
    await scaler.server.shutdown(within: .zero)
  }

  @Test("a client uses rotated files for its next connection")
  func clientRotation() async throws {
    let certificates = try await TestCertificates()
    let strangers = try await TestCertificates()
    let scaler = try await TestScaler(
      tls: .init(
        certificate: certificates.server, key: certificates.serverKey, authorities: certificates.authority))
    await scaler.put([try .plan()])
    let folder = try MountedFolder()
    try folder.turn(toCopiesOf: ["tls.crt": strangers.client, "tls.key": strangers.clientKey])
    let loop = try EventLoop()
    let client = try await GRPCClient(
      .init(
        .network(host: "127.0.0.1", port: scaler.port),
        tls: .init(
          certificate: folder.path("tls.crt"), key: folder.path("tls.key"), authorities: certificates.authority)),
      on: loop)
    let keda = ExternalScalerClient(client)
    await #expect(throws: GRPCCallError.self) { try await keda.isActive(ScaledObjectReference(name: "api")) }
    try folder.turn(toCopiesOf: ["tls.crt": certificates.client, "tls.key": certificates.clientKey])
    try await eventually("a call with the new certificate") {
      (try? await keda.isActive(ScaledObjectReference(name: "api"))) == true
    }
    await client.close()
    await loop.stop()
    await scaler.server.shutdown(within: .zero)
  }

  @Test(
    "of the authorities' clients, those are let in whose certificate has a listed name",
    arguments: ["spiffe://cluster/keda", "keda.example"])
  func allowList(name: String) async throws {
    let certificates = try await TestCertificates()
    let files = TLSContext.Files(
      certificate: certificates.server, key: certificates.serverKey, authorities: certificates.authority)
    let scaler = try await TestScaler(tls: files, peers: ["other.example", name])
    await scaler.put([try .plan()])
    for (certificate, code) in [(certificates.keda, "OK"), (certificates.client, "UNAVAILABLE")] {
      let client = try await PythonClient(
        port: scaler.port,
        ["authorities": certificates.authority, "certificate": certificate, "key": certificates.clientKey])
      #expect(try await client.call("GetMetrics", "api", [:], ["timeout": 60]).code == code)
    }
    await scaler.server.shutdown(within: .zero)
  }

  @Test("TLS 1.3 is spoken unless 1.2 is allowed", arguments: [nil, TLSContext.MinimumVersion.v1_2])
  func version(minimum: TLSContext.MinimumVersion?) async throws {
    let certificates = try await TestCertificates()
    let scaler = try await TestScaler(
      tls: .init(certificate: certificates.server, key: certificates.serverKey), minimumVersion: minimum)
    for (flag, isFine) in [("-tls1_3", true), ("-tls1_2", minimum == .v1_2), ("-tls1_1", false)] {
      let client = try ChildProcess(
        "openssl", "s_client", "-connect", "127.0.0.1:\(scaler.port)", flag, "-alpn", "h2", "-CAfile",
        certificates.authority, "-verify_return_error")
      #expect(try await (client.waitForExit() == 0) == isFine, "\(flag)")
    }
    await scaler.server.shutdown(within: .zero)
  }
}
