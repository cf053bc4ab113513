import Glibc
import KedastralDaemon

/// The terminal in full-screen mode: keys arrive as they are pressed, and lines are drawn in place.
///
/// ``close()`` restores the terminal.
struct ScreenTerminal: ~Copyable {
  private let original: termios
  private var last: [String] = []

  /// Takes over the terminal of standard input and output; nil when either is not a terminal.
  static func take() -> ScreenTerminal? {
    guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return nil }
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
    let original = settings
    cfmakeraw(&settings)
    // Reads return what is available, without waiting.
    withUnsafeMutableBytes(of: &settings.c_cc) { characters in
      characters[Int(VMIN)] = 0
      characters[Int(VTIME)] = 0
    }
    guard tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0 else { return nil }
    return ScreenTerminal(original: original)
  }

  private init(original: termios) {
    self.original = original
    // Switches to the alternate screen and hides the cursor.
    Self.write("\u{1B}[?1049h\u{1B}[?25l")
  }

  deinit {
    var settings = original
    Self.write("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l")
    tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }

  /// Restores the terminal.
  consuming func close() {}

  /// The current size.
  var size: TerminalSize { TerminalSize(of: STDOUT_FILENO) }

  /// The keys pressed since the last call; nil when the terminal is closed.
  func keys() -> [Key]? {
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    if count < 0, errno != EAGAIN, errno != EINTR { return nil }
    return Key.keys(in: Array(buffer.prefix(max(0, count))))
  }

  /// Draws lines from the top; writes nothing if they are unchanged.
  mutating func draw(_ lines: [String]) {
    guard lines != last else { return }
    last = lines
    Self.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
  }

  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno != EAGAIN, errno != EINTR { return }
      rest = rest.dropFirst(max(0, count))
    }
  }
}
