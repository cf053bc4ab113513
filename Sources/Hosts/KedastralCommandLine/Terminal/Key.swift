import KedastralDaemon

/// A key press, as a terminal sends it.
enum Key: Equatable {
  case character(Character)
  case up
  case down
  case left
  case right
  case pageUp
  case pageDown
  case home
  case end
  case enter
  case escape
  case backspace
  /// Ctrl-C, in a terminal that does not turn it into a signal.
  case interrupt

  private static let sequences: [([UInt8], Key)] = [
    ("[A", Key.up), ("[B", .down), ("[C", .right), ("[D", .left), ("OA", .up), ("OB", .down), ("OC", .right),
    ("OD", .left), ("[5~", .pageUp), ("[6~", .pageDown), ("[H", .home), ("[F", .end), ("OH", .home), ("OF", .end),
    ("[1~", .home), ("[4~", .end),
  ].map { (Array($0.0.utf8), $0.1) }

  /// Parses the keys in the terminal's input; sequences of other keys are skipped.
  ///
  ///     Key.keys(in: Array("j\u{1B}[A\r".utf8))   // character j, up, enter
  static func keys(in bytes: [UInt8]) -> [Key] {
    var keys: [Key] = []
    var rest = bytes[...]
    while let byte = rest.first {
      rest.removeFirst()
      switch byte {
      case 0x1B:
        if let (sequence, key) = sequences.first(where: { rest.starts(with: $0.0) }) {
          keys.append(key)
          rest.removeFirst(sequence.count)
        } else if let next = rest.first, next == UInt8(ascii: "[") || next == UInt8(ascii: "O") {
          // Sequences of other keys end with their first letter or tilde.
          rest.removeFirst()
          if let end = rest.firstIndex(where: { (0x40...0x7E).contains($0) }) { rest = rest[(end + 1)...] }
        } else {
          keys.append(.escape)
        }
      case 0x03: keys.append(.interrupt)
      case 0x0A, 0x0D: keys.append(.enter)
      case 0x08, 0x7F: keys.append(.backspace)
      case 0..<0x20: continue
      default:
        let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        let text = String(decoding: [byte] + rest.prefix(length - 1), as: UTF8.self)
        rest = rest.dropFirst(length - 1)
        if let character = text.first { keys.append(.character(character)) }
      }
    }
    return keys
  }
}
