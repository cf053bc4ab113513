/// Splits a text into rows and columns: commas, semicolons or tabs between fields, quotes as in RFC 4180, any kind of
/// line end.
///
///     var text = DelimitedText(Array("\"Time\";Value\n2026-08-01;34,5\n".utf8))
///     try text.next()?.fields      // ["Time", "Value"]
///
/// Empty lines, lines whose fields are all empty, and lines that begin with `#` are skipped. A byte order mark is not part of
/// the text; UTF-16, which a byte order mark announces, is read as well. A first line `sep=;`, which spreadsheets read, sets
/// the separator; otherwise it is the first of tab, semicolon and comma that occurs equally often in the first two lines.
struct DelimitedText {
  /// One row; blanks around fields are removed.
  struct Row: Equatable {
    /// The number of its first line, counted from 1.
    let line: Int
    let fields: [String]
  }

  /// A quote that is not closed.
  struct UnclosedQuote: Error, Equatable {
    /// The line in which it is opened, counted from 1.
    let line: Int
  }

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static let candidates = [UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: ",")]

  /// The separator of fields.
  let separator: UInt8
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1

  init(_ encoded: [UInt8]) {
    let bytes = Self.decoded(encoded)
    self.bytes = bytes
    let head = Self.headLines(bytes)
    if let directive = Self.separatorDirective(head.first) {
      separator = directive.separator
      position = directive.end
      line = directive.nextLine
      return
    }
    let counts = head.map { Self.separatorCounts(bytes[$0.range]) }
    let first = counts.first ?? [0, 0, 0]
    let second = counts.dropFirst().first ?? first
    let chosen =
      Self.candidates.indices.first { first[$0] > 0 && first[$0] == second[$0] }
      ?? Self.candidates.indices.first { first[$0] > 0 }
    separator = chosen.map { Self.candidates[$0] } ?? UInt8(ascii: ",")
  }

  /// The next row, or nil at the end.
  mutating func next() throws(UnclosedQuote) -> Row? {
    while position < bytes.count {
      let first = line
      if firstVisible(from: position) == UInt8(ascii: "#") {
        skipLine()
        continue
      }
      let fields = try readRow()
      if fields.contains(where: { !$0.isEmpty }) { return Row(line: first, fields: fields) }
    }
    return nil
  }

  // MARK: Rows

  private mutating func readRow() throws(UnclosedQuote) -> [String] {
    var fields: [String] = []
    while true {
      fields.append(try readField())
      guard position < bytes.count else { return fields }
      let byte = bytes[position]
      if byte == separator {
        position += 1
        // A separator at the very end has an empty field behind it.
        if position == bytes.count { return fields + [""] }
      } else {
        skipLineEnd()
        return fields
      }
    }
  }

  /// Reads up to the separator or line end after a field, without consuming it.
  private mutating func readField() throws(UnclosedQuote) -> String {
    while position < bytes.count, isBlank(bytes[position]) { position += 1 }
    var content: [UInt8] = []
    if position < bytes.count, bytes[position] == Self.quote { content = try readQuoted() }
    let start = position
    while position < bytes.count, bytes[position] != separator, !Self.isLineEnd(bytes[position]) { position += 1 }
    content += bytes[start..<position]
    while let last = content.last, isBlank(last) { content.removeLast() }
    while let first = content.first, isBlank(first) { content.removeFirst() }
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func readQuoted() throws(UnclosedQuote) -> [UInt8] {
    let opened = line
    var content: [UInt8] = []
    position += 1
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == Self.quote {
        guard position < bytes.count, bytes[position] == Self.quote else { return content }
        position += 1
      } else if byte == Self.lineFeed {
        line += 1
      }
      content.append(byte)
    }
    throw UnclosedQuote(line: opened)
  }

  private func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (byte == UInt8(ascii: "\t") && byte != separator)
  }

  private func firstVisible(from start: Int) -> UInt8? {
    bytes[start...].first { !isBlank($0) }
  }

  // MARK: Lines

  private mutating func skipLine() {
    while position < bytes.count, !Self.isLineEnd(bytes[position]) { position += 1 }
    skipLineEnd()
  }

  private mutating func skipLineEnd() {
    guard position < bytes.count else { return }
    let isPair =
      bytes[position] == Self.carriageReturn && position + 1 < bytes.count && bytes[position + 1] == Self.lineFeed
    position += isPair ? 2 : 1
    line += 1
  }

  private static func isLineEnd(_ byte: UInt8) -> Bool { byte == lineFeed || byte == carriageReturn }

  // MARK: What the text's beginning says

  private struct HeadLine {
    let range: Range<Int>
    let number: Int
    let text: String
  }

  /// The first two lines that are neither empty nor comments.
  private static func headLines(_ bytes: [UInt8]) -> [HeadLine] {
    var found: [HeadLine] = []
    var start = 0
    var number = 1
    while start < bytes.count, found.count < 2 {
      let end = bytes[start...].firstIndex(where: isLineEnd) ?? bytes.count
      let text = String(decoding: bytes[start..<end].filter { $0 != UInt8(ascii: " ") }, as: UTF8.self)
      if !text.isEmpty, !text.hasPrefix("#") {
        found.append(HeadLine(range: start..<end, number: number, text: text))
      }
      let isPair = end + 1 < bytes.count && bytes[end] == carriageReturn && bytes[end + 1] == lineFeed
      start = end + (isPair ? 2 : 1)
      number += 1
    }
    return found
  }

  private static func separatorDirective(_ line: HeadLine?) -> (separator: UInt8, end: Int, nextLine: Int)? {
    guard let line, line.text.lowercased().hasPrefix("sep="), let byte = line.text.utf8.dropFirst(4).first,
      line.text.utf8.count == 5
    else { return nil }
    return (byte, line.range.upperBound, line.number)
  }

  /// The number of occurrences of each candidate outside quotes.
  private static func separatorCounts(_ line: ArraySlice<UInt8>) -> [Int] {
    var counts = candidates.map { _ in 0 }
    var isQuoted = false
    for byte in line {
      if byte == quote { isQuoted.toggle() }
      if !isQuoted, let index = candidates.firstIndex(of: byte) { counts[index] += 1 }
    }
    return counts
  }

  // MARK: Encoding

  /// UTF-8 without a byte order mark.
  private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
    let isLittleEndian = bytes.starts(with: [0xFF, 0xFE])
    guard isLittleEndian || bytes.starts(with: [0xFE, 0xFF]) else { return bytes }
    let units = stride(from: 2, to: bytes.count - 1, by: 2).map { index in
      let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
      return isLittleEndian ? second << 8 | first : first << 8 | second
    }
    return Array(String(decoding: units, as: UTF16.self).utf8)
  }
}
