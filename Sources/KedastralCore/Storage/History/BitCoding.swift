/// Appends bits, the highest first, to bytes.
struct BitWriter {
  private(set) var bytes: [UInt8] = []
  /// The number of free bits in the last byte.
  private var free = 0

  /// Appends the lowest `count` bits of `bits`; at most 64.
  mutating func append(_ bits: UInt64, count: Int) {
    var left = count
    while left > 0 {
      if free == 0 {
        bytes.append(0)
        free = 8
      }
      let taken = min(free, left)
      let part = UInt8(truncatingIfNeeded: (bits >> UInt64(left - taken)) & (1 << UInt64(taken) - 1))
      bytes[bytes.count - 1] |= part << UInt8(free - taken)
      free -= taken
      left -= taken
    }
  }
}

/// Reads the bits that a ``BitWriter`` appended.
struct BitReader {
  private let bytes: ArraySlice<UInt8>
  /// The index of the next bit.
  private var position = 0

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// The next `count` bits, at most 64; nil when there are fewer.
  mutating func next(_ count: Int) -> UInt64? {
    guard position + count <= bytes.count * 8 else { return nil }
    var bits: UInt64 = 0
    var left = count
    while left > 0 {
      let free = 8 - position & 7
      let taken = min(free, left)
      let byte = bytes[bytes.startIndex + position >> 3]
      let part = (UInt64(byte) >> UInt64(free - taken)) & (1 << UInt64(taken) - 1)
      bits = bits << UInt64(taken) | part
      position += taken
      left -= taken
    }
    return bits
  }

  /// Whether only the unused bits of the last byte are left.
  var isAtEnd: Bool { bytes.count * 8 - position < 8 }
}

/// Writes integers and floating-point numbers of a stored block.
package struct ByteWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// Appends a number in groups of seven bits, the lowest first (LEB128): small numbers take one byte.
  package mutating func append(varint number: UInt64) {
    var rest = number
    while rest > 127 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Appends a count, which is not negative.
  package mutating func append(count: Int) { append(varint: UInt64(max(0, count))) }

  /// Appends eight bytes, the lowest first.
  package mutating func append(fixed bits: UInt64) {
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift * 8))) }
  }

  package mutating func append(_ number: Double) { append(fixed: number.bitPattern) }

  /// Appends a number in single precision.
  package mutating func append(_ number: Float) {
    for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: number.bitPattern >> UInt32(shift * 8))) }
  }

  package mutating func append(_ more: some Sequence<UInt8>) { bytes += more }

  /// Appends bytes and their number, or that there are none.
  package mutating func append(part: (some Collection<UInt8>)?) {
    append(count: part.map { $0.count + 1 } ?? 0)
    if let part { append(part) }
  }
}

/// Reads what a ``ByteWriter`` wrote; every function returns nil when the bytes end or are invalid.
package struct ByteReader {
  /// The bytes that are not read yet.
  package private(set) var rest: ArraySlice<UInt8>

  package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  package mutating func varint() -> UInt64? {
    var number: UInt64 = 0
    for shift in 0..<10 {
      guard let byte = rest.popFirst() else { return nil }
      // The tenth group has one bit of the 64.
      guard shift < 9 || byte <= 1 else { return nil }
      number |= UInt64(byte & 127) << UInt64(shift * 7)
      if byte < 128 { return number }
    }
    return nil
  }

  /// A count of at most `most`.
  package mutating func count(most: Int) -> Int? {
    varint().flatMap { Int(exactly: $0) }.flatMap { $0 <= most ? $0 : nil }
  }

  package mutating func fixed() -> UInt64? {
    guard let bytes = take(8) else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  package mutating func double() -> Double? { fixed().map(Double.init(bitPattern:)) }

  /// A number that was written in single precision.
  package mutating func float() -> Double? {
    take(4).map { Double(Float(bitPattern: $0.reversed().reduce(0) { $0 << 8 | UInt32($1) })) }
  }

  /// A finite number that was written in single precision.
  package mutating func finiteFloat() -> Double? { float().flatMap { $0.isFinite ? $0 : nil } }

  /// A finite number.
  package mutating func finiteDouble() -> Double? { double().flatMap { $0.isFinite ? $0 : nil } }

  /// A part of at most `most` bytes; it is nil when there was none.
  package mutating func part(most: Int) -> ArraySlice<UInt8>?? {
    guard let count = count(most: most + 1) else { return nil }
    return count == 0 ? .some(nil) : take(count - 1).map { .some($0) }
  }

  /// `count` elements, each read by `next`.
  package mutating func list<Element>(_ count: Int, _ next: (inout ByteReader) -> Element?) -> [Element]? {
    var list: [Element] = []
    list.reserveCapacity(min(count, rest.count))
    for _ in 0..<count {
      guard let element = next(&self) else { return nil }
      list.append(element)
    }
    return list
  }

  package mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}
