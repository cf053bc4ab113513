/// The data of one metric of OTLP, as far as it decides what its points mean.
struct OTLPMetric {
  /// The kinds of data.
  enum Kind: Equatable {
    case gauge
    /// - temporality: 1 for delta, 2 for cumulative.
    case sum(temporality: Int, isMonotonic: Bool)
    /// A histogram or a summary, or nothing.
    case other
  }

  /// A point as it was written; times in seconds since 1970, 0 where there is none.
  struct Point {
    var start: Double
    var instant: Double
    /// Nil when the point has none.
    var value: Double?
    var isWithoutValue: Bool
    var attributes: [String: String]
  }

  var name: String
  var kind: Kind

  /// Adds the metric's points to a batch.
  ///
  /// - Parameter resource: the attributes of the resource; those of a point take precedence.
  func add(_ point: Point, of resource: [String: String], to batch: inout PushBatch) throws(PushRefusal) {
    guard point.instant > 0 else { return try batch.reject(1, .time) }
    let start = point.start > 0 && point.start < point.instant ? point.start : nil
    let meaning: PushedPoint.Meaning
    switch kind {
    case _ where point.isWithoutValue: meaning = .end
    case .gauge: meaning = .level
    // A sum that also falls, such as open requests, is a level.
    case .sum(temporality: 2, let isMonotonic): meaning = isMonotonic ? .total(start: start) : .level
    case .sum(temporality: 1, isMonotonic: true): meaning = .increase(start: start)
    case .sum, .other: return try batch.reject(1, .kind)
    }
    guard let value = meaning == .end ? 0 : point.value else { return try batch.reject(1, .value) }
    let attributes = resource.merging(point.attributes) { $1 }
    try batch.add(
      PushedPoint(metric: name, attributes: attributes, instant: point.instant, value: value, meaning: meaning))
  }
}
