import Foundation
import KedastralCore
import KedastralNet
import KedastralSources
import TestSupport

@testable import KedastralKubernetes

/// The double did not do what a test needs.
struct DoubleFailure: Error {
  let problem: String
}

/// The double of the API server (Double/api_server_double.py) as a process, and a client of it.
final class APIServerDouble: Sendable {
  struct Request: Decodable {
    let method: String
    let path: String
    let authorization: String
    let contentType: String
    let body: String
  }

  let url: String
  let http: HTTPClient
  private let process: ChildProcess

  init(_ arguments: String..., scheme: String = "http") async throws {
    let script = Repository.root.appendingPathComponent(
      "Tests/KedastralKubernetesTests/Double/api_server_double.py")
    let process = try ChildProcess("python3", arguments: [script.path] + arguments)
    self.process = process
    try await eventually("the port of the API server's double") {
      guard process.isRunning else { throw DoubleFailure(problem: process.output) }
      return process.output.contains(".")
    }
    let port = process.output.filter(\.isNumber)
    url = "\(scheme)://127.0.0.1:\(port)"
    http = try HTTPClient(on: EventLoop())
  }

  func stop() { process.kill() }

  func client(
    _ settings: KubernetesClient.Settings = .quick, clock: any WallClock = SystemWallClock(),
    access: ClusterAccess? = nil
  ) -> KubernetesClient {
    KubernetesClient(access ?? ClusterAccess(endpoint: HTTPEndpoint(url)), http: http, settings: settings, clock: clock)
  }

  /// Gives an order to the double.
  func order(_ name: String, _ body: String = "{}") async throws {
    let request = HTTPRequest(HTTPEndpoint(url), method: "POST", path: "/double/\(name)", body: Array(body.utf8))
    guard try await http.send(request).isSuccess else { throw DoubleFailure(problem: "the order \(name)") }
  }

  /// Creates a pod of the namespace `shop`.
  func create(pod: String) async throws {
    let request = HTTPRequest(
      HTTPEndpoint(url), method: "POST", path: "/api/v1/namespaces/shop/pods", body: Array(pod.utf8))
    guard try await http.send(request).isSuccess else { throw DoubleFailure(problem: "the pod") }
  }

  /// The requests that it has received.
  func log() async throws -> [Request] {
    let answer = try await http.send(HTTPRequest(HTTPEndpoint(url), path: "/double/log"))
    return try JSONDecoder().decode([Request].self, from: Data(answer.body))
  }
}

extension KubernetesClient.Settings {
  /// Waits of milliseconds.
  static let quick = KubernetesClient.Settings(
    backoff: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5)), longestRetryAfter: .milliseconds(5))
}

/// A type of objects of the tests' own.
struct Widget: KubernetesObject, Encodable, Equatable {
  struct Spec: Codable, Equatable {
    var size: Int
  }

  static let resource = ResourceType(group: "example.com", version: "v1", plural: "widgets", kind: "Widget")
  var apiVersion: String? = resource.apiVersion
  var kind: String? = resource.kind
  var metadata: ObjectMetadata
  var spec: Spec

  init(_ name: String, in namespace: String = "shop", size: Int) {
    metadata = ObjectMetadata(name: name, namespace: namespace)
    spec = Spec(size: size)
  }
}

extension KubernetesClient {
  func apply(_ widget: Widget, as manager: String = "kedastral", force: Bool = false) async throws {
    try await apply(Widget.resource, widget.key, widget, fieldManager: manager, force: force)
  }
}
