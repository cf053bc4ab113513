/// The points of one request.
package struct PushBatch: Sendable, Equatable {
  /// The points of the wanted metrics, in the order of the request.
  package private(set) var points: [PushedPoint] = []
  /// How many points belong to metrics that no workload selects.
  package private(set) var unselected = 0
  /// How many points of wanted metrics cannot be used, by reason.
  package private(set) var rejected: [PushRejection: Int] = [:]
  private let limit: Int
  private var count = 0

  /// - Parameter limit: the number of points that a request may have.
  package init(limit: Int) { self.limit = limit }

  /// Adds a point.
  ///
  /// - Throws: ``PushRefusal`` with the status 413 for one point too many.
  mutating func add(_ point: PushedPoint) throws(PushRefusal) {
    try add(count: 1)
    points.append(point)
  }

  /// Counts points that no workload selects.
  mutating func skip(_ count: Int) throws(PushRefusal) {
    try add(count: count)
    unselected += count
  }

  /// Counts points that cannot be used.
  mutating func reject(_ count: Int, _ reason: PushRejection) throws(PushRefusal) {
    try add(count: count)
    if count > 0 { rejected[reason, default: 0] += count }
  }

  private mutating func add(count more: Int) throws(PushRefusal) {
    count += more
    guard count <= limit else {
      throw PushRefusal(413, "the request has more points than the limit of \(limit); send smaller batches")
    }
  }
}
