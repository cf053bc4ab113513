/// Splits a stream of bytes into lines, with bounded memory.
struct LineSplitter: Sendable {
  /// A line is longer than allowed.
  struct TooLong: Error, Equatable {
    let limit: Int
  }

  private let limit: Int
  private var rest: [UInt8] = []

  /// - Parameter limit: the longest line in bytes.
  init(limit: Int) { self.limit = limit }

  /// The lines that `bytes` completes, without their ends and without empty ones.
  mutating func lines(adding bytes: [UInt8]) throws(TooLong) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var start = bytes.startIndex
    while let end = bytes[start...].firstIndex(of: 0x0A) {
      try append(bytes[start..<end])
      if !rest.isEmpty { lines.append(rest) }
      rest = []
      start = end + 1
    }
    try append(bytes[start...])
    return lines
  }

  private mutating func append(_ bytes: ArraySlice<UInt8>) throws(TooLong) {
    guard rest.count + bytes.count <= limit else {
      rest = []
      throw TooLong(limit: limit)
    }
    rest += bytes
  }
}
