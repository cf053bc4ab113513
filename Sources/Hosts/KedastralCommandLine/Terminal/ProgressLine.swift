import Glibc
import KedastralDaemon

/// A progress line on standard error; nothing if that is not a terminal.
///
///     var progress = ProgressLine()
///     progress.show("api.csv: auto", share: 0.3)      // ━━━━━━━━━──────────────────── 30 % api.csv: auto
///     progress.clear()
struct ProgressLine {
  private static let barWidth = 30

  private let isShown = isatty(STDERR_FILENO) == 1
  private var last = ""

  /// Shows the current task and the completed share.
  mutating func show(_ text: String, share: Double) {
    let line = Self.line(text, share: share, width: TerminalSize(of: STDERR_FILENO).columns)
    guard isShown, line != last else { return }
    last = line
    write("\r\u{1B}[K" + line)
  }

  /// Clears the line.
  mutating func clear() {
    if isShown, !last.isEmpty { write("\r\u{1B}[K") }
    last = ""
  }

  /// The line, truncated to the terminal's width.
  static func line(_ text: String, share: Double, width: Int) -> String {
    let share = min(max(0, share), 1)
    let filled = Int((share * Double(barWidth)).rounded(.down))
    let bar = String(repeating: "━", count: filled) + String(repeating: "─", count: barWidth - filled)
    let percent = share.percent(0)
    let padding = String(repeating: " ", count: max(0, 5 - percent.count))
    return String("\(bar) \(padding)\(percent) \(text)".prefix(max(1, width - 1)))
  }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
  }
}
