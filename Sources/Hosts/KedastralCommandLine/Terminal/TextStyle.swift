import FoundationEssentials
import Glibc
import KedastralDaemon

/// Styles for terminal output; plain text everywhere else.
struct TextStyle: Sendable {
  /// The styles.
  enum Role: String, Sendable {
    case heading = "1"
    case quiet = "2"
    case forecast = "36"
    case good = "32"
    case warning = "33"
    case bad = "31"
    case selected = "7"
  }

  /// Without any colour.
  static let plain = TextStyle(isColored: false)

  /// Whether escape sequences are written.
  let isColored: Bool

  /// The style for a descriptor's output: coloured on a terminal, unless `NO_COLOR` is set or the terminal is dumb.
  static func of(_ descriptor: CInt, environment: [String: String] = ProcessInfo.processInfo.environment) -> TextStyle {
    TextStyle(isColored: isatty(descriptor) == 1 && allows(environment))
  }

  /// Whether the user's environment allows colours (https://no-color.org).
  static func allows(_ environment: [String: String]) -> Bool {
    (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }

  /// The text in the given style.
  func callAsFunction(_ text: String, _ role: Role?) -> String {
    guard isColored, let role, !text.isEmpty else { return text }
    return "\u{1B}[\(role.rawValue)m\(text)\u{1B}[0m"
  }
}
