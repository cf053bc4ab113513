import KedastralModels

/// Another series that may tell how a workload's load develops.
package struct CovariateConfiguration: Sendable, Equatable {
  /// Where its values come from.
  package enum Values: Sendable, Equatable {
    /// A source: the values are known up to now.
    case source(SourceConfiguration)
    /// A file with a schedule, and the schedule when it was read.
    case schedule(path: String, CovariateSchedule)
  }

  /// Its name.
  package var name: String
  /// Where its values come from.
  package var values: Values

  /// A source that has a past.
  static let kinds: [SourceKind] = [.prometheus, .victoriametrics, .http, .csv]
}
