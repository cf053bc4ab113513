import Foundation
import KedastralKubernetes
import KedastralNet
import KedastralSources
import Synchronization
import TestSupport
import Testing

@testable import KedastralDaemon

/// What a TLS identity reported.
private final class Loads: Sendable {
  private let counts = Mutex((loaded: 0, refused: 0))

  func note(_ change: TLSIdentity.Change) {
    counts.withLock {
      switch change {
      case .loaded: $0.loaded += 1
      case .refused: $0.refused += 1
      }
    }
  }

  var current: [Int] { counts.withLock { [$0.loaded, $0.refused] } }
}

@Suite("Trust in the API server")
struct AggregatorTrustTests {
  private let path = "/api/v1/namespaces/kube-system/configmaps"

  /// The double of the API server, and a client of it.
  private func double() async throws -> (ChildProcess, HTTPClient, String) {
    let script = Repository.root.appendingPathComponent(
      "Tests/KedastralKubernetesTests/Double/api_server_double.py")
    let process = try ChildProcess("python3", arguments: [script.path])
    try await eventually("the port of the API server's double") { process.output.contains(".") }
    return (process, try HTTPClient(on: EventLoop()), "http://127.0.0.1:\(process.output.filter(\.isNumber))")
  }

  private func send(
    _ method: String, _ name: String, _ data: [String: String], _ http: HTTPClient, _ url: String
  ) async throws {
    let members = data.mapValues(JSONValue.string)
    let body: JSONValue = .object(["metadata": ["name": .string(AggregatorTrust.key.name)], "data": .object(members)])
    let request = HTTPRequest(
      HTTPEndpoint(url), method: method, path: path + name,
      headers: [HTTPHeader("Content-Type", "application/merge-patch+json")], body: Array(try JSONEncoder().encode(body))
    )
    #expect(try await http.send(request).isSuccess)
  }

  @Test(
    "is what the cluster publishes; a listener uses a change for new connections, and keeps the old one if it is incomplete"
  )
  func follows() async throws {
    let certificates = try await TestCertificates()
    func pem(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    let (process, http, url) = try await double()
    defer { process.kill() }
    let trust = try AggregatorTrust(KubernetesClient(ClusterAccess(endpoint: HTTPEndpoint(url)), http: http))
    await #expect(throws: KubernetesError.self) { try await trust.read() }

    let (ca, names) = ("requestheader-client-ca-file", "requestheader-allowed-names")
    try await send("POST", "", [ca: try pem(certificates.authority), names: #"["one"]"#], http, url)
    try await trust.read()
    #expect(trust.names == ["one"])
    let loads = Loads()
    let identity = try TLSIdentity(
      .server,
      files: .init(certificate: certificates.server, key: certificates.serverKey, authorities: trust.path),
      clients: .requested, onChange: { loads.note($0) }, commonNames: { trust.names })
    #expect(identity.demandsCertificates && loads.current == [1, 0])

    try await trust.read()
    identity.refresh()
    #expect(loads.current == [1, 0], "nothing has changed")
    try await send("PATCH", "/\(AggregatorTrust.key.name)", [names: #"["one","other"]"#], http, url)
    try await trust.read()
    identity.refresh()
    #expect(trust.names == ["one", "other"] && loads.current == [2, 0])

    try await send("PATCH", "/\(AggregatorTrust.key.name)", [ca: ""], http, url)
    await #expect(throws: KubernetesError.self) { try await trust.read() }
    identity.refresh()
    #expect(trust.names == ["one", "other"] && loads.current == [2, 0])
    try await send("PATCH", "/\(AggregatorTrust.key.name)", [ca: "not a certificate"], http, url)
    try await trust.read()
    identity.refresh()
    #expect(loads.current == [2, 1])
  }
}
