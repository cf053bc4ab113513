import KedastralCore

/// Why a request failed: the request, the server and the problem. It never contains a secret.
///
/// A response with an error status is not such an error; the caller decides what it means.
package struct HTTPError: Error, Equatable, CustomStringConvertible {
  /// What happened.
  package enum Reason: Sendable, Equatable, CustomStringConvertible {
    /// The request cannot be sent.
    case invalidRequest(String)
    /// A token or password cannot be read.
    case credentials(String)
    /// No response within the deadline, with the phase that was not completed.
    case timedOut(after: Duration, phase: String)
    /// The response is larger than allowed.
    case answerTooLarge(limitBytes: Int)
    /// TLS: which check failed.
    case tls(String)
    /// The network, or the server's HTTP.
    case network(String)
    /// The client was closed.
    case clientClosed

    package var description: String {
      switch self {
      case .invalidRequest(let problem): "the request cannot be sent: \(problem)"
      case .credentials(let problem), .network(let problem): problem
      case .timedOut(let deadline, let phase): "no response within \(DurationText.format(deadline)) (\(phase))"
      case .answerTooLarge(let limit): "the response is larger than the limit of \(limit) bytes"
      case .tls(let problem): "TLS: \(problem)"
      case .clientClosed: "the HTTP client has been closed"
      }
    }
  }

  /// The request, without secrets.
  package let request: String
  /// What happened.
  package let reason: Reason

  init(_ request: HTTPRequest, _ reason: Reason) {
    self.request = request.displayName
    self.reason = reason
  }

  package var description: String { "\(request): \(reason)" }

  /// Whether nothing listens at the address.
  package var isRefusedConnection: Bool {
    if case .network(let problem) = reason { problem.hasPrefix("cannot connect: Connection refused") } else { false }
  }
}
