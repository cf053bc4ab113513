/// The body of a request that comes in chunks (RFC 9112, section 7.1).
enum ChunkedBody {
  /// What the bytes received so far are.
  enum Finding: Equatable {
    /// The beginning of a body.
    case incomplete
    /// The content, and how many bytes it took.
    case complete([UInt8], length: Int)
    /// More than the limit.
    case tooLong
    /// No chunks.
    case malformed
  }

  private static let longestLine = 256
  private static let longestTrailer = 4096

  /// Looks at all bytes behind the headers.
  ///
  /// - Parameter limit: how many bytes the content may have; with the sizes of its chunks it may have twice as many.
  static func find(in bytes: Slice<UnsafeRawBufferPointer>, limit: Int) -> Finding {
    var place = bytes.startIndex
    var parts: [Range<Int>] = []
    var total = 0
    while true {
      guard place - bytes.startIndex <= 2 * limit + longestTrailer else { return .tooLong }
      guard let end = lineEnd(in: bytes[place...]) else { return unfinished(bytes[place...]) }
      guard let size = size(bytes[place..<end]) else { return .malformed }
      total += size
      guard total <= limit else { return .tooLong }
      place = end + 1
      guard size > 0 else { break }
      guard bytes.endIndex - place >= size + 2 else { return .incomplete }
      parts.append(place..<place + size)
      place += size
      guard bytes[place] == UInt8(ascii: "\r"), bytes[place + 1] == UInt8(ascii: "\n") else { return .malformed }
      place += 2
    }
    let trailer = place
    while let end = lineEnd(in: bytes[place...]) {
      let line = bytes[place..<end]
      place = end + 1
      guard line.isEmpty || line.elementsEqual([UInt8(ascii: "\r")]) else {
        if place - trailer > longestTrailer { return .malformed }
        continue
      }
      var content: [UInt8] = []
      content.reserveCapacity(total)
      for part in parts { content += bytes[part] }
      return .complete(content, length: place - bytes.startIndex)
    }
    return unfinished(bytes[place...])
  }

  private static func unfinished(_ rest: Slice<UnsafeRawBufferPointer>) -> Finding {
    rest.count < longestLine ? .incomplete : .malformed
  }

  private static func lineEnd(in bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
    bytes.prefix(longestLine).firstIndex(of: UInt8(ascii: "\n"))
  }

  /// A chunk's size: one to seven hexadecimal digits, before an extension if there is one.
  private static func size(_ line: Slice<UnsafeRawBufferPointer>) -> Int? {
    let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\r") }
    guard (1...7).contains(digits.count) else { return nil }
    var size = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): size = size << 4 | Int(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): size = size << 4 | Int(digit - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): size = size << 4 | Int(digit - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    return size
  }
}
