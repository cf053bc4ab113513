import KedastralCore
import KedastralSources

/// The query that returns the number of a workload's ready pods.
package struct ReplicasQuery: Sendable, Equatable {
  /// The server.
  package var endpoint: HTTPEndpoint
  /// The query: one series, or, with a label, one for each of its values.
  package var text: String
  /// Which of several series is the workload's; nil for a query that returns one.
  package var series: LabelledSeries?
}

extension WorkloadReader {
  /// The workload's query, or that of the defaults, whose series are told apart by the label of the source.
  func readReplicasQuery(_ own: WorkloadSection?, source: SourceConfiguration) -> ReplicasQuery? {
    guard let query = given.text(Settings.replicasQuery, own?.replicasQuery, defaults?.replicasQuery) else {
      return nil
    }
    let isShared = own?.replicasQuery == nil && query.value == defaults?.replicasQuery?.value
    guard case .prometheus(let settings) = source else {
      // The defaults are also those of workloads with other sources.
      if isShared { return nil }
      problems.add(
        query.origin,
        "the query for the ready pods is sent to the workload's Prometheus, and its source is none; remove replicasQuery"
      )
      return nil
    }
    return ReplicasQuery(
      endpoint: settings.endpoint, text: query.value, series: isShared ? settings.series : nil)
  }
}
