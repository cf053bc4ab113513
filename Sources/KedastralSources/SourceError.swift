import KedastralCore

/// Why a metric source has no samples: what was asked, of whom, and what came back.
public struct SourceError: Error, Equatable, CustomStringConvertible {
  /// What was asked.
  public let asked: String
  /// Of whom: a URL without secrets, or a file.
  public let source: String
  /// What came back, or did not.
  public let problem: String
  /// Whether the server does not answer at all, so that every request to it fails.
  public let isOutage: Bool

  /// Creates an error.
  public init(asked: String, of source: String, problem: String, isOutage: Bool = false) {
    self.isOutage = isOutage
    self.asked = asked.count > 200 ? asked.prefix(200) + "…" : asked
    self.source = source
    self.problem = problem
  }

  public var description: String { "\(source): \(asked): \(problem)" }
}

extension SourceError: SourceFault {
  public var outage: String? { isOutage ? source : nil }
}

extension HTTPClient {
  /// Sends a request for a source and returns the answer if its status says success.
  ///
  /// - Parameters:
  ///   - source: the server as errors name it, without secrets; its endpoint's name unless it is given.
  ///   - detail: finds what the body of an error says, where its form is known.
  /// - Throws: ``SourceError`` for everything but cancellation.
  func answer(
    to request: HTTPRequest, asked: String, of source: String? = nil, detail: (HTTPResponse) -> String? = { _ in nil }
  ) async throws -> HTTPResponse {
    let problem: String
    let isOutage: Bool
    do {
      let response = try await send(request)
      if response.isSuccess { return response }
      problem = response.problem(detail(response))
      isOutage = response.status == 429 || response.status >= 500
    } catch let error as HTTPError {
      problem = error.reason.description
      switch error.reason {
      case .timedOut, .tls, .network: isOutage = true
      case .invalidRequest, .credentials, .answerTooLarge, .clientClosed: isOutage = false
      }
    }
    throw SourceError(
      asked: asked, of: source ?? request.endpoint.displayName, problem: problem, isOutage: isOutage)
  }
}
