/// One number that a sender has pushed.
package struct PushedPoint: Sendable, Equatable {
  /// What the number says.
  package enum Meaning: Sendable, Equatable {
    /// The value at the point's time.
    case level
    /// A count since `start`, or since a start that is not known.
    case total(start: Double?)
    /// A count between `start`, if that is known, and the point's time.
    case increase(start: Double?)
    /// The series has no value from the point's time on.
    case end
  }

  /// The metric's name.
  package var metric: String
  /// What distinguishes the series of the metric: attributes of OTLP, labels of Prometheus.
  package var attributes: [String: String]
  /// The point's time, in seconds since 1970.
  package var instant: Double
  /// The number; may be NaN or infinite.
  package var value: Double
  /// What the number says.
  package var meaning: Meaning

  package init(metric: String, attributes: [String: String], instant: Double, value: Double, meaning: Meaning) {
    self.metric = metric
    self.attributes = attributes
    self.instant = instant
    self.value = value
    self.meaning = meaning
  }
}

/// Why a point that a workload selects is not used.
package enum PushRejection: String, Sendable, CaseIterable {
  /// The metric is neither a gauge nor a sum that can be read.
  case kind
  /// The point's time is missing, or more than a minute ahead.
  case time
  /// The point is older than its series' newest one, or than the steps that can still change.
  case late
  /// The point's time was received before.
  case duplicate
  /// The number is not finite.
  case value
  /// The workload has too many series.
  case series

  /// For the sender.
  var explanation: String {
    switch self {
    case .kind: "neither a gauge nor a monotonic or cumulative sum"
    case .time: "the time is missing, or more than a minute ahead of the receiver's"
    case .late: "older than the newest point of its series, or than the steps that can still change"
    case .duplicate: "received before"
    case .value: "the value is not a finite number"
    case .series: "the workload has \(PushedLoad.mostSeries) series already"
    }
  }
}

/// Why a whole request is refused.
package struct PushRefusal: Error, Equatable {
  /// The HTTP status.
  package let status: Int
  /// One sentence for the sender.
  package let problem: String

  package init(_ status: Int, _ problem: String) {
    self.status = status
    self.problem = problem
  }
}
