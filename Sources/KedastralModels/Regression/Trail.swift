import KedastralCore

/// The last values of a growing series, looked up by step number; older values are discarded.
///
///     var trail = Trail(capacity: 1440)
///     trail.append(0.7)
///     trail[trail.endIndex - 1]    // 0.7
///
/// Numbers are kept in single precision, which tells loads apart that differ by a ten-millionth of their spread. Those that
/// ``pack()`` finds complete blocks of take half of that: they lie on a grid that is fine beside the block's range.
struct Trail: Sendable {
  /// The rounding that a packed number may have, in units of the fit.
  private static let negligible = 0x1p-12

  /// The number of steps kept.
  let capacity: Int
  /// The number of the next step.
  private(set) var endIndex: Int
  /// The number of the first step that is packed.
  private var packedStart: Int
  private var packed: PackedSamples
  /// The number of the first step after the packed ones.
  private var openStart: Int
  /// The numbers after the packed ones.
  private var open: [Float] = []

  /// The number of the first step that is remembered.
  var startIndex: Int { max(packedStart, endIndex - capacity) }

  /// A trail that begins at step `startIndex`.
  ///
  /// - Parameters:
  ///   - capacity: how many steps to remember, at least one.
  ///   - startIndex: the number of the first step.
  init(capacity: Int, startIndex: Int = 0) {
    self.capacity = max(1, capacity)
    (endIndex, packedStart, openStart) = (startIndex, startIndex, startIndex)
    packed = PackedSamples(negligible: Self.negligible)
  }

  /// The number at a step from `startIndex` on.
  subscript(step: Int) -> Double {
    let place = step - openStart
    return place >= 0 ? Double(open[place]) : packed[step - packedStart]
  }

  /// The sum of the numbers at a range of steps.
  func sum(_ steps: Range<Int>) -> Double {
    let border = min(max(openStart, steps.lowerBound), steps.upperBound)
    var sum = steps.lowerBound < border ? packed.sum(steps.lowerBound - packedStart..<border - packedStart) : 0
    for step in border..<steps.upperBound { sum += Double(open[step - openStart]) }
    return sum
  }

  /// The number at the last step; nil before the first.
  var last: Double? { endIndex == startIndex ? nil : self[endIndex - 1] }

  /// Appends the next step's number.
  mutating func append(_ number: Double) {
    open.append(Self.kept(number))
    endIndex += 1
  }

  /// A number in single precision.
  static func kept(_ number: Double) -> Float {
    // Numbers beyond its range, which sums must not reach, are as good as the range's end.
    Float(min(max(number, -1e30), 1e30))
  }

  /// Removes steps from the end again, until `endIndex` is the next one: at most as many as were appended since the last ``pack()``.
  mutating func rewind(to endIndex: Int) {
    open.removeLast(min(open.count, self.endIndex - endIndex))
    self.endIndex = endIndex
  }

  /// Packs complete blocks, and forgets what is older than the capacity.
  mutating func pack() { pack(from: startIndex) }

  /// Packs complete blocks, and forgets blocks before step `start`.
  mutating func pack(from start: Int) {
    guard open.count >= PackedSamples.blockLength else { return }
    var first = 0
    // What will be forgotten is not packed.
    if openStart == packedStart, openStart < start {
      first = min(start - openStart, open.count)
      (packedStart, openStart) = (openStart + first, openStart + first)
    }
    if openStart == packedStart {
      // The trail moves on by a block before it loses one.
      let blocks = (open.count - first) / PackedSamples.blockLength + 2
      packed = PackedSamples(negligible: Self.negligible, capacity: blocks * PackedSamples.blockLength)
    }
    while open.count - first >= PackedSamples.blockLength {
      packed.append(block: open[first..<first + PackedSamples.blockLength].map(Double.init))
      first += PackedSamples.blockLength
      openStart += PackedSamples.blockLength
    }
    open = Array(open[first...])
    let blocks = min(max(0, start - packedStart), packed.count) / PackedSamples.blockLength
    packed.removeFirst(blocks: blocks)
    packedStart += blocks * PackedSamples.blockLength
  }

  /// The same trail with another capacity: longer from now on, or without what is too much.
  func resized(to capacity: Int) -> Trail {
    var resized = Trail(capacity: capacity, startIndex: max(startIndex, endIndex - max(1, capacity)))
    for step in resized.endIndex..<endIndex { resized.append(self[step]) }
    return resized
  }
}
