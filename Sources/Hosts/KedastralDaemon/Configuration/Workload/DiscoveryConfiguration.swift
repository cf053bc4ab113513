import KedastralCore
import KedastralSources

/// A query of which every value of a label becomes a workload.
package struct DiscoveryConfiguration: Sendable, Equatable {
  /// The settings of the workloads whose names match.
  package struct Rule: Sendable, Equatable {
    /// The names; one of the patterns must match.
    package var patterns: [NamePattern]
    /// A workload with these settings; its name, and its value of the label, are replaced.
    package var template: WorkloadConfiguration
  }

  /// The query, its server and label; the label's value means nothing.
  package var source: PrometheusSourceConfiguration
  /// The label.
  package var label: String
  /// How often the values of the label are read; positive.
  package var interval: Duration
  /// How long a workload stays whose value is not among the responses any more; not negative.
  package var keep: Duration
  /// The largest number of workloads; positive.
  package var limit: Int
  /// A value must match one of these.
  package var include: [NamePattern]
  /// A value must match none of these.
  package var exclude: [NamePattern]
  /// The settings; the first rule with a matching pattern counts, and the last one matches all.
  package var rules: [Rule]

  /// Whether a value becomes a workload.
  package func accepts(_ value: String) -> Bool {
    include.contains { $0.matches(value) } && !exclude.contains { $0.matches(value) }
  }

  /// The rule for a value of the label.
  package func rule(for value: String) -> Rule? { rules.first { $0.patterns.contains { $0.matches(value) } } }

  /// The workload of a value of the label; nil when the value is not a valid name.
  package func workload(for value: String) -> WorkloadConfiguration? {
    guard let name = try? WorkloadName(value), var workload = rule(for: value)?.template else { return nil }
    workload.name = name
    workload.source.choose(value)
    for index in workload.otherMetrics.indices { workload.otherMetrics[index].source.choose(value) }
    if case .query(var query) = workload.leadTime, query.isDefault {
      query.text = PodStartupQuery.text(of: name)
      workload.leadTime = .query(query)
    }
    workload.replicasQuery?.series?.value = value
    if case .query(let endpoint, _, true) = workload.startingPods {
      workload.startingPods = .query(endpoint: endpoint, text: PodStartupQuery.starting(of: name), isDefault: true)
    }
    return workload
  }

  /// Whether the values that others have found are the same.
  func hasSameValues(as other: DiscoveryConfiguration) -> Bool {
    source.endpoint == other.source.endpoint && source.query == other.source.query && label == other.label
  }
}

extension SourceConfiguration {
  /// Takes the series with this value of the label.
  fileprivate mutating func choose(_ value: String) {
    guard case .prometheus(var settings) = self, settings.series != nil else { return }
    settings.series?.value = value
    self = .prometheus(settings)
  }
}
