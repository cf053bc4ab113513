import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The load of one of many workloads whose query is the same: the series with one value of a label.
///
///     let queries = SharedQueries(client: client, clock: clock, logger: logger)
///     let source = queries.source(
///       of: "shop", label: "app", query: "sum by (app) (rate(http_requests_total[1m]))", at: endpoint,
///       step: .seconds(60), interval: .seconds(30))
///
/// All sources of the same ``SharedQueries`` with the same server, query, label, step and partial-response setting share their
/// requests.
package final class SharedPrometheusSource: MetricSource {
  private let shared: SharedQuery
  private let value: String
  private let step: Duration
  private let interval: Duration
  private let reader: Int

  fileprivate init(_ shared: SharedQuery, value: String, step: Duration, interval: Duration) {
    self.shared = shared
    self.value = value
    self.step = step
    self.interval = interval
    reader = shared.readers.add(value)
  }

  deinit { shared.readers.remove(reader) }

  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    try await read(in: range, step: step).series
  }

  package func read(in range: Range<Date>, step: Duration) async throws -> MetricReading {
    guard step == self.step else { throw OtherStep(expected: self.step, got: step) }
    return try await shared.read(reader, value, in: range, interval: interval)
  }

  /// Samples of a step other than the one that the requests have.
  struct OtherStep: Error, CustomStringConvertible {
    let expected: Duration
    let got: Duration
    var description: String {
      "a shared query with a step of \(DurationText.format(expected)) was read with \(DurationText.format(got))"
    }
  }
}

extension SharedPrometheusSource: JointSource {
  package func announceHistory(from start: Date) async { await shared.announceHistory(reader, from: start) }
}

extension SharedPrometheusSource: IdentifiedSource {
  package var loadIdentity: String {
    ["prometheus", shared.query.endpoint.identity, shared.query.text, shared.label, value].joined(separator: "\n")
  }
}

/// The shared queries of a process; each exists as long as it has readers.
package final class SharedQueries: Sendable {
  /// What must be the same, beside the query's text, so that a response serves two workloads.
  private struct Key: Equatable {
    let endpoint: HTTPEndpoint
    let label: String
    let step: Duration
    let partialResponse: PrometheusSource.PartialResponse
  }

  private struct Entry: Sendable {
    let key: Key
    weak var query: SharedQuery?
  }

  private let client: HTTPClient
  private let clock: any WallClock
  private let logger: KedastralLogger
  /// By the text of the query.
  private let entries = Mutex<[String: [Entry]]>([:])

  /// Creates a set without queries.
  package init(client: HTTPClient, clock: any WallClock, logger: KedastralLogger) {
    self.client = client
    self.clock = clock
    self.logger = logger
  }

  /// A source for one workload.
  ///
  /// - Parameters:
  ///   - value: the value of the label that the workload's series has.
  ///   - label: the label that tells the series of the query apart.
  ///   - query: a PromQL expression that gives one series for each value of the label.
  ///   - interval: how often the workload is forecast: a response serves it until the interval ends.
  package func source(
    of value: String, label: String, query: String, at endpoint: HTTPEndpoint,
    partialResponse: PrometheusSource.PartialResponse = .use, step: Duration, interval: Duration
  ) -> SharedPrometheusSource {
    let key = Key(endpoint: endpoint, label: label, step: step, partialResponse: partialResponse)
    let shared = entries.withLock { entries in
      if let known = entries[query]?.first(where: { $0.key == key })?.query { return known }
      let new = SharedQuery(
        PrometheusQuery(
          endpoint: endpoint, text: query, partialResponse: partialResponse, client: client, logger: logger),
        label: label, step: step, clock: clock)
      // Queries without readers are gone, and their entries go with them.
      for (text, others) in entries {
        let alive = others.filter { $0.query != nil }
        entries[text] = alive.isEmpty ? nil : alive
      }
      entries[query, default: []].append(Entry(key: key, query: new))
      return new
    }
    return SharedPrometheusSource(shared, value: value, step: step, interval: interval)
  }
}
