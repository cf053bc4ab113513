import KedastralDaemon

/// A line of the screen, made of pieces with different styles.
struct ScreenLine: Equatable {
  private struct Piece: Equatable {
    let text: String
    let role: TextStyle.Role?
  }

  private var pieces: [Piece] = []

  init() {}

  init(_ text: String, _ role: TextStyle.Role? = nil) { add(text, role) }

  /// How many characters it has.
  var width: Int { pieces.map(\.text.count).reduce(0, +) }

  /// Appends a piece.
  mutating func add(_ text: String, _ role: TextStyle.Role? = nil) { pieces.append(Piece(text: text, role: role)) }

  /// Appends a cell of fixed width: truncated, or padded with spaces.
  mutating func add(_ text: String, width: Int, toTheRight: Bool = false, _ role: TextStyle.Role? = nil) {
    guard width > 0 else { return }
    let cut = text.count > width ? text.prefix(width - 1) + "…" : text[...]
    let padding = String(repeating: " ", count: width - cut.count)
    add(toTheRight ? padding + cut : cut + padding, role)
  }

  /// The whole line in one style.
  func inRole(_ role: TextStyle.Role, width: Int) -> ScreenLine {
    var line = ScreenLine()
    line.add(pieces.map(\.text).joined(), width: width, role)
    return line
  }

  /// The output: at most `width` characters, plus escape sequences.
  func text(width: Int, _ style: TextStyle) -> String {
    var room = width
    return pieces.map { piece in
      let kept = piece.text.prefix(room)
      room -= kept.count
      return style(String(kept), piece.role)
    }.joined()
  }
}
