import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The values that a label has in the series of a query at one instant.
///
///     let apps = try await LabelValues.read(
///       "app", of: "sum by (app) (rate(http_requests_total[1m]))", at: server, client: client, logger: logger, instant: now)
package struct LabelValues: Sendable, Equatable {
  /// The values, each once, in ascending order; series without the label have none.
  package let values: [String]
  /// Whether a part of the server did not respond, so that values can be missing.
  package let isPartial: Bool

  /// Reads them with one request.
  ///
  /// - Parameters:
  ///   - label: the label.
  ///   - query: the PromQL query.
  ///   - endpoint: the server.
  ///   - partialResponse: what to do with a response that a part of the server is missing from.
  ///   - instant: when the series must exist.
  ///   - expectedSeries: the approximate number of series.
  /// - Throws: ``SourceError``, or `CancellationError`.
  package static func read(
    _ label: String, of query: String, at endpoint: HTTPEndpoint,
    partialResponse: PrometheusSource.PartialResponse = .use, client: HTTPClient, logger: KedastralLogger,
    instant: Date, expectedSeries: Int = 100
  ) async throws -> LabelValues {
    let request = PrometheusQuery(
      endpoint: endpoint, text: query, partialResponse: partialResponse, client: client, logger: logger)
    let body = try await request.body(from: instant, points: 1, step: .seconds(60), expectedSeries: expectedSeries)
    var values: Set<String> = []
    let rows = try request.check(\.envelope) {
      try PrometheusRows(body) { labels, _ in
        if let value = labels.first(where: { $0.key == label })?.value, !value.isEmpty { values.insert(value) }
      }
    }
    return LabelValues(values: values.sorted(), isPartial: rows.envelope.isPartial)
  }

  /// Creates an answer.
  package init(values: [String], isPartial: Bool = false) {
    (self.values, self.isPartial) = (values, isPartial)
  }
}
