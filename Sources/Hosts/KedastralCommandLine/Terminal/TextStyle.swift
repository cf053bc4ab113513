import FoundationEssentials
import Glibc
import KedastralDaemon

/// How text is set off on a terminal; plain everywhere else.
struct TextStyle: Sendable {
  /// What can be set off.
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

  /// A style for what a descriptor leads to: coloured on a terminal, unless `NO_COLOR` is set or the terminal is dumb.
  static func of(_ descriptor: CInt, environment: [String: String] = ProcessInfo.processInfo.environment) -> TextStyle {
    TextStyle(isColored: isatty(descriptor) == 1 && allows(environment))
  }

  /// Whether a user's environment wants colours on a terminal (https://no-color.org).
  static func allows(_ environment: [String: String]) -> Bool {
    (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }

  /// The text, set off.
  func callAsFunction(_ text: String, _ role: Role?) -> String {
    guard isColored, let role, !text.isEmpty else { return text }
    return "\u{1B}[\(role.rawValue)m\(text)\u{1B}[0m"
  }
}
