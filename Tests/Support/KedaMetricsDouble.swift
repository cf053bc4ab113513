import Foundation

/// A double of KEDA's raw metrics service, built from its interface on the official gRPC library
/// (Tests/Python/keda_metrics_double.py).
///
///     let keda = try await KedaMetricsDouble()
///     try keda.order("value shop orders lag 42")
public final class KedaMetricsDouble: Sendable {
  /// The port.
  public let port: UInt16
  private let process: ChildProcess

  /// Starts it; with certificates it speaks TLS and demands a client's certificate.
  ///
  /// - Parameters:
  ///   - port: the port of an earlier double; a free one unless it is given.
  ///   - hold: how long values wait for a subscriber who does not read, in seconds.
  public init(
    _ certificates: TestCertificates? = nil, certificate: String? = nil, port: UInt16? = nil, hold: Double = 60
  ) async throws {
    let script = Repository.root.appendingPathComponent("Tests/Python/keda_metrics_double.py").path
    var arguments = [script, "--port", "\(port ?? 0)", "--hold", "\(hold)"]
    if let certificates {
      arguments += ["--tls", certificates.authority, certificates.serverKey, certificate ?? certificates.server]
    }
    let process = try ChildProcess(Repository.python, arguments: arguments, takesInput: true)
    self.process = process
    try await eventually("the port of the double of KEDA's metrics service") {
      guard process.isRunning else { throw ConditionTimeout(what: "the double: \(process.output)") }
      return process.output.contains("\n")
    }
    guard let port = process.output.firstMatch(of: /port (\d+)/).flatMap({ UInt16($0.1) }) else {
      throw ConditionTimeout(what: "the double's port: \(process.output)")
    }
    self.port = port
  }

  /// What it has printed: a line for each event.
  public var events: [String] { process.output.split(separator: "\n").map { String($0) } }

  /// The number of events that begin with a text.
  public func count(_ prefix: String) -> Int { events.count { $0.hasPrefix(prefix) } }

  /// Gives an order.
  public func order(_ text: String) throws { try process.write(text + "\n") }

  /// Ends it at once.
  public func stop() { process.kill() }
}
