import Foundation
import KedastralGRPC
import KedastralNet
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
    #expect(try await plain.call("GetMetrics", "api", [:], ["timeout": 5]).code == "UNAVAILABLE")
    await scaler.server.shutdown(within: .seconds(5))
    #expect(try await stream.next().code == "UNAVAILABLE")
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
      return try await client.call("GetMetrics", "api", [:], ["timeout": 5]).code
    }
    #expect(try await code(certificates) == "OK")
    #expect(try await code(nil) == "UNAVAILABLE")
    #expect(try await code(strangers) == "UNAVAILABLE")
    #expect(try await code(certificates) == "OK")
    await scaler.server.shutdown(within: .zero)
  }

  @Test("a certificate that cannot be loaded stops the start, naming the file")
  func missingFile() async throws {
    let error = await #expect(throws: TLSContext.LoadError.self) {
      _ = try await TestScaler(tls: TLSContext.Files(certificate: "/nowhere/server.pem", key: "/nowhere/server.key"))
    }
    #expect(error?.file == "/nowhere/server.pem")
  }
}
