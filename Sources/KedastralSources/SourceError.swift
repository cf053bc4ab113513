import KedastralCore

/// Why a metric source has no samples: the request, the server and the response.
public struct SourceError: Error, Equatable, CustomStringConvertible {
  /// The request.
  public let asked: String
  /// The source: a URL without secrets, or a file.
  public let source: String
  /// The response, or why there was none.
  public let problem: String
  /// Whether the server does not respond at all, so that every request to it fails.
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
  /// Sends a request for a source and returns the response if its status is a success.
  ///
  /// - Parameters:
  ///   - source: the server as errors name it, without secrets; its endpoint's name unless it is given.
  ///   - detail: extracts the message from the body of an error, if its format is known.
  /// - Throws: ``SourceError`` for everything but cancellation.
  func answer(
    to request: HTTPRequest, asked: String, of source: String? = nil, detail: (HTTPResponse) -> String? = { _ in nil }
  ) async throws -> HTTPResponse {
    let response = try await response(to: request, asked: asked, of: source)
    if response.isSuccess { return response }
    throw SourceError(
      asked: asked, of: source ?? request.endpoint.displayName, problem: response.problem(detail(response)),
      isOutage: response.status == 429 || response.status >= 500)
  }

  /// Sends a request for a source and returns the response, whatever its status.
  ///
  /// - Throws: ``SourceError`` for everything but cancellation.
  func response(to request: HTTPRequest, asked: String, of source: String? = nil) async throws -> HTTPResponse {
    do {
      return try await send(request)
    } catch let error as HTTPError {
      throw SourceError(
        asked: asked, of: source ?? request.endpoint.displayName, problem: error.reason.description,
        isOutage: error.reason.isOutage)
    }
  }
}

extension HTTPError.Reason {
  /// Whether the server does not respond, whatever the request.
  fileprivate var isOutage: Bool {
    switch self {
    case .timedOut, .tls, .network: true
    case .invalidRequest, .credentials, .answerTooLarge, .clientClosed: false
    }
  }
}
