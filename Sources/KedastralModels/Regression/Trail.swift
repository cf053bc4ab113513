import KedastralCore

/// The last values of a growing series, looked up by step number; older values are discarded.
///
///     var trail = Trail(capacity: 1440)
///     trail.append(0.7)
///     trail[trail.endIndex - 1]    // 0.7
///
/// A ring: a step costs the same however long the trail is. Numbers are kept in single precision, which tells loads apart
/// that differ by a ten-millionth of their spread.
struct Trail: Sendable, Equatable {
  /// The number of steps kept.
  let capacity: Int
  /// The number of the next step.
  private(set) var endIndex: Int
  /// How many steps there are; the ring can hold more numbers, which count no longer.
  private var count = 0
  private var ring: [Float] = []
  /// Where the first step lies in the ring.
  private var head = 0

  /// The number of the first step that is remembered.
  var startIndex: Int { endIndex - count }

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
  subscript(step: Int) -> Double { Double(ring[place(step - startIndex)]) }

  private func place(_ offset: Int) -> Int {
    let place = head + offset
    return place < capacity ? place : place - capacity
  }

  /// The number at the last step; nil before the first.
  var last: Double? { count == 0 ? nil : self[endIndex - 1] }

  /// Appends the next step's number.
  mutating func append(_ number: Double) {
    // Numbers beyond single precision's range, which sums must not reach, are as good as the range's end.
    let kept = Float(min(max(number, -1e30), 1e30))
    endIndex += 1
    if count == capacity {
      ring[head] = kept
      head = place(1)
      return
    }
    let end = place(count)
    if end == ring.count { ring.append(kept) } else { ring[end] = kept }
    count += 1
  }

  /// Removes steps from the end again, until `endIndex` is the next one. What they overwrote at the start stays forgotten.
  mutating func rewind(to endIndex: Int) {
    count = max(0, count - (self.endIndex - endIndex))
    self.endIndex = endIndex
  }

  static func == (left: Trail, right: Trail) -> Bool {
    left.capacity == right.capacity && left.endIndex == right.endIndex && left.count == right.count
      && (left.startIndex..<left.endIndex).allSatisfy { left[$0] == right[$0] }
  }

  /// The same trail with another capacity: longer from now on, or without what is too much.
  func resized(to capacity: Int) -> Trail {
    var resized = Trail(capacity: capacity, startIndex: max(startIndex, endIndex - max(1, capacity)))
    for step in resized.endIndex..<endIndex { resized.append(self[step]) }
    return resized
  }
}
