/// The end of a path that grows step by step, looked up by the number of the step; what lies further back is forgotten.
///
///     var trail = Trail(capacity: 1440)
///     trail.append(0.7)
///     trail[trail.endIndex - 1]    // 0.7
///
/// A ring: a step costs the same however long the trail is. Numbers are kept in single precision, which tells loads apart
/// that differ by a ten-millionth of their spread.
struct Trail: Sendable, Equatable {
  /// How many steps are remembered.
  let capacity: Int
  /// The number of the step that comes next.
  private(set) var endIndex: Int
  private var ring: [Float] = []
  /// Where the first step lies in the ring.
  private var head = 0

  /// The number of the first step that is remembered.
  var startIndex: Int { endIndex - ring.count }

  /// A trail that begins at step `startIndex`.
  ///
  /// - Parameters:
  ///   - capacity: how many steps to remember, at least one.
  ///   - startIndex: the number of the first step.
  init(capacity: Int, startIndex: Int = 0) {
    self.capacity = max(1, capacity)
    endIndex = startIndex
    ring.reserveCapacity(self.capacity)
  }

  /// The number at a step from `startIndex` on.
  subscript(step: Int) -> Double {
    let place = head + step - startIndex
    return Double(ring[place < capacity ? place : place - capacity])
  }

  /// The number at the last step; nil before the first.
  var last: Double? { ring.isEmpty ? nil : self[endIndex - 1] }

  /// Appends the next step's number.
  mutating func append(_ number: Double) {
    // Numbers beyond single precision's range, which sums must not reach, are as good as the range's end.
    let kept = Float(min(max(number, -1e30), 1e30))
    endIndex += 1
    guard ring.count == capacity else { return ring.append(kept) }
    ring[head] = kept
    head = head + 1 < capacity ? head + 1 : 0
  }

  /// The same trail with another capacity: longer from now on, or without what is too much.
  func resized(to capacity: Int) -> Trail {
    var resized = Trail(capacity: capacity, startIndex: max(startIndex, endIndex - max(1, capacity)))
    for step in resized.endIndex..<endIndex { resized.append(self[step]) }
    return resized
  }
}
