import Foundation
import KedastralGRPC
import KedastralNet
import TestSupport
import Testing

@Suite("TLS and mutual TLS")
struct TLSTests {
  /// An authority, a server's and a client's certificate, made by the openssl command.
  struct Certificates {
    let folder: TemporaryFolder
    func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

    init() async throws {
      folder = try TemporaryFolder()
      let script = """
        set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority
        for name in server client; do
          openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
          printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > $name.ext
          openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $name.pem -days 2 -extfile $name.ext
        done
        """
      let process = try ChildProcess("sh", arguments: ["-c", script], directory: folder.url)
      try #require(try await process.waitForExit() == 0, "\(process.output)")
    }
  }

  @Test(
    "a client that trusts the authority calls over TLS with HTTP/2 negotiated; one that speaks plain text is cut off")
  func tls() async throws {
    let certificates = try await Certificates()
    let files = TLSContext.Files(certificate: certificates.path("server.pem"), key: certificates.path("server.key"))
    let scaler = try await TestScaler(tls: files)
    await scaler.put([try .plan()])
    let client = try await PythonClient(port: scaler.port, ["authorities": certificates.path("ca.pem")])
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
    let certificates = try await Certificates()
    let strangers = try await Certificates()
    let files = TLSContext.Files(
      certificate: certificates.path("server.pem"), key: certificates.path("server.key"),
      authorities: certificates.path("ca.pem"))
    let scaler = try await TestScaler(tls: files)
    await scaler.put([try .plan()])
    func code(_ identity: Certificates?) async throws -> String? {
      var connection: [String: any Sendable] = ["authorities": certificates.path("ca.pem")]
      if let identity {
        connection["certificate"] = identity.path("client.pem")
        connection["key"] = identity.path("client.key")
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
