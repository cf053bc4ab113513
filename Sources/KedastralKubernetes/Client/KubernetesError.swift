/// Why a request to the API server failed: the request and the answer. It never contains a secret.
package struct KubernetesError: Error, Equatable, CustomStringConvertible {
  /// What happened.
  package enum Reason: Sendable, Equatable {
    /// The server refused: the status code, its `reason` (`Conflict`, `Forbidden`, …), and its message.
    case refused(status: Int, reason: String, message: String)
    /// There was no complete answer.
    case unreachable(String)
    /// The answer was not what was expected.
    case unexpectedAnswer(String)
  }

  /// The request, such as `GET /api/v1/namespaces/shop/pods`.
  package let request: String
  /// What happened.
  package let reason: Reason

  /// Creates an error.
  package init(request: String, reason: Reason) {
    self.request = request
    self.reason = reason
  }

  package var description: String {
    switch reason {
    case .refused(let status, let reason, let message):
      "\(request): HTTP \(status)\(reason.isEmpty ? "" : " \(reason)")\(message.isEmpty ? "" : ": \(message)")"
    case .unreachable(let problem): "\(request): \(problem)"
    case .unexpectedAnswer(let problem): "\(request): unexpected answer: \(problem)"
    }
  }

  /// The status code of a refusal, or nil.
  package var status: Int? { if case .refused(let status, _, _) = reason { status } else { nil } }

  /// Whether the resource version is too old to continue from: everything has to be listed again.
  package var isGone: Bool { status == 410 }
}

/// The API's own description of a failure (kind `Status`).
struct StatusAnswer: Decodable, Sendable {
  var code: Int?
  var reason: String?
  var message: String?

  /// At most this much of the server's text is kept.
  private static let longest = 500

  func refusal(status: Int) -> KubernetesError.Reason {
    .refused(
      status: code ?? status, reason: Self.line(reason ?? ""), message: Self.line(message ?? ""))
  }

  private static func line(_ text: String) -> String {
    let printable = text.unicodeScalars.prefix(longest).map { $0.value >= 0x20 && $0.value != 0x7F ? $0 : " " }
    return String(String.UnicodeScalarView(printable))
  }
}
