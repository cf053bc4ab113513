import Foundation
import TestSupport
import Testing

/// The official gRPC server in a Python process (Tests/Python/grpc_server.py).
final class PythonServer: Sendable {
  let port: UInt16
  private let process: ChildProcess

  /// Starts a server; with certificates it speaks TLS and demands a client's certificate.
  init(_ certificates: TestCertificates? = nil) async throws {
    let script = Repository.root.appendingPathComponent("Tests/Python/grpc_server.py").path
    let files = certificates.map { [$0.authority, $0.serverKey, $0.server] } ?? []
    let process = try ChildProcess(Repository.python, arguments: [script] + files)
    self.process = process
    try await eventually("the Python server's port") {
      try #require(process.isRunning, "the Python server ended: \(process.output)")
      return process.output.contains("\n")
    }
    port = try #require(process.output.firstMatch(of: /port (\d+)/).flatMap { UInt16($0.1) })
  }

  var output: String { process.output }

  func stop() { process.kill() }
}
