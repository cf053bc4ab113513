/// How a sender speaks to this process.
package enum PushProtocol: String, Sendable, CaseIterable {
  /// OpenTelemetry's protocol over HTTP.
  case otlp
  /// Prometheus's remote write.
  case remoteWrite
}

/// The points that are a workload's load.
package struct PushSelector: Sendable, Hashable, CustomStringConvertible {
  /// How they come.
  package let origin: PushProtocol
  /// The metric's name.
  package let metric: String
  /// Attributes or labels that the points must have.
  package let attributes: [String: String]
  /// Whether a sample of remote write, which does not say what it is, is a count.
  package let isCount: Bool

  /// Selects points.
  ///
  /// - Parameter isCount: for remote write; by the metric's name unless it is given.
  package init(_ origin: PushProtocol, metric: String, attributes: [String: String], isCount: Bool? = nil) {
    self.origin = origin
    self.metric = metric
    self.attributes = attributes
    self.isCount = origin == .remoteWrite && isCount ?? Exposition.isCounterName(metric)
  }

  /// The attributes in the order of their names.
  var pairs: [(key: String, value: String)] { attributes.sorted { $0.key < $1.key } }

  package var description: String {
    let texts = pairs.map { "\($0.key)=\"\($0.value)\"" }
    return texts.isEmpty ? metric : "\(metric){\(texts.joined(separator: ","))}"
  }

  /// A point as this workload reads it.
  func read(_ point: PushedPoint) -> PushedPoint {
    guard isCount, point.meaning == .level else { return point }
    var point = point
    point.meaning = .total(start: nil)
    return point
  }
}
