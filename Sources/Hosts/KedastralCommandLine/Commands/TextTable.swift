import Glibc
import KedastralDaemon

/// A table for the terminal, or for a Markdown page: the first columns to the left, numbers to the right.
struct TextTable {
  private let header: [String]
  private let textColumns: Int
  private var rows: [[String]] = []
  private var roles: [TextStyle.Role?] = []

  /// Creates a table; the first `textColumns` columns hold text.
  init(_ header: [String], textColumns: Int) {
    self.header = header
    self.textColumns = textColumns
  }

  /// Adds a row, as long as the header.
  mutating func add(_ row: [String], _ role: TextStyle.Role? = nil) {
    rows.append(row)
    roles.append(role)
  }

  /// For the terminal.
  var text: String { text(.of(STDOUT_FILENO)) }

  /// With a style.
  func text(_ style: TextStyle) -> String { lines(style).joined(separator: "\n") }

  /// The heading and a line for each row, with a style.
  func lines(_ style: TextStyle) -> [String] {
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    return zip([header] + rows, [.heading] + roles).map { row, role in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ") + (column < textColumns ? cell + padding : padding + cell)
      }
      while line.last == " " { line.removeLast() }
      return style(line, role)
    }
  }

  /// As a Markdown table.
  var markdown: String {
    let rule = header.indices.map { $0 < textColumns ? "---" : "---:" }
    return ([header, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
  }
}

extension Double {
  /// With a fixed number of decimals; a dash for NaN.
  func text(_ decimals: Int) -> String {
    guard isFinite else { return "–" }
    let scale = (0..<decimals).reduce(1.0) { product, _ in product * 10 }
    guard magnitude < 1e15 / scale else { return "\(self)" }
    let scaled = Int((self * scale).rounded(.toNearestOrAwayFromZero))
    let sign = scaled < 0 ? "-" : ""
    let (whole, fraction) = scaled.magnitude.quotientAndRemainder(dividingBy: UInt(scale))
    guard decimals > 0 else { return "\(sign)\(whole)" }
    let digits = String(fraction)
    return "\(sign)\(whole).\(String(repeating: "0", count: decimals - digits.count))\(digits)"
  }

  /// As a percentage.
  func percent(_ decimals: Int) -> String { isFinite ? (self * 100).text(decimals) + " %" : "–" }
}
