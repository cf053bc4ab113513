import KedastralCore

/// Why the readers of a shared query have no samples.
package struct SharedQueryError: Error, Equatable, CustomStringConvertible {
  /// The request, the server and the problem.
  package let cause: SourceError
  /// Whether it concerns one workload, rather than all that share the query.
  let concernsOneReader: Bool

  init(_ cause: SourceError, concernsOneReader: Bool = false) {
    self.cause = cause
    self.concernsOneReader = concernsOneReader
  }

  package var description: String { cause.description }
}

extension SharedQueryError: SourceFault {
  package var outage: String? {
    if concernsOneReader { return nil }
    // All workloads of a query fail together, whatever the reason: one log line is enough.
    return cause.outage ?? "\(cause.source): \(cause.asked)"
  }
}
