import KedastralCore
import KedastralNet

extension HTTPClient {
  /// The client of sources and models that are made of a URL alone; it has an event loop of its own.
  private static let sharedOutcome = Result { try HTTPClient(on: EventLoop()) }

  static func shared() throws -> HTTPClient { try sharedOutcome.get() }
}

extension PrometheusSource {
  /// Creates a source of a server's URL.
  ///
  /// - Parameters:
  ///   - url: the URL up to where `/api/v1` begins, such as `http://prometheus:9090`.
  ///   - query: a PromQL expression that gives one series.
  ///   - bearerTokenFile: a file with the token to send; nil for none.
  ///   - timeout: how long one query may take.
  /// - Throws: when no HTTP client can be started.
  public init(
    url: String, query: String, bearerTokenFile: String? = nil, timeout: Duration = .seconds(10)
  ) throws {
    self.init(
      endpoint: HTTPEndpoint(
        url, credentials: bearerTokenFile.map { .bearer(file: $0) } ?? .none, proxy: .environment(),
        deadline: timeout),
      query: query, client: try .shared())
  }
}

extension RemoteModel {
  /// Creates a model of a service's URL.
  ///
  /// - Parameters:
  ///   - url: the service, such as `http://prophet:8082`.
  ///   - fallback: the model that stands in; nil to fail instead.
  ///   - timeout: how long one forecast may take.
  ///   - logger: receives each failure of the service.
  /// - Throws: when no HTTP client can be started.
  public init(
    url: String, fallback: (any Model)?, timeout: Duration = .seconds(10), logger: KedastralLogger = .silent
  ) throws {
    self.init(
      endpoint: HTTPEndpoint(url, proxy: .environment(), deadline: timeout), fallback: fallback,
      client: try .shared(), logger: logger)
  }
}
