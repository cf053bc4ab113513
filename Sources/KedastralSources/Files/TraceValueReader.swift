/// Reads the loads of a file, all of which have the same decimal mark.
struct TraceValueReader {
  /// What is wrong with a value, and what is expected.
  struct Defect: Error, Equatable {
    let problem: String
  }

  /// The texts for a missing sample.
  private static let missing: Set<String> = ["", "-", "nan", "null", "none", "n/a", "na", "#n/a", "undefined"]

  /// Whether the fields may have a decimal comma: not where commas separate them.
  let allowsComma: Bool
  /// The line in which each decimal mark was first seen.
  private var firstLine: [Character: Int] = [:]

  init(allowsComma: Bool) {
    self.allowsComma = allowsComma
  }

  /// Whether a field is a number or a missing sample.
  static func isMissing(_ text: String) -> Bool { missing.contains(text.lowercased()) }

  /// Whether a field can be read as a number.
  func isNumber(_ text: String) -> Bool {
    var copy = self
    return (try? copy.read(text, line: 0)) != nil && !Self.isMissing(text)
  }

  /// The value of a field; NaN for a missing or infinite one.
  mutating func read(_ text: String, line: Int) throws(Defect) -> Double {
    if Self.isMissing(text) { return .nan }
    let commas = text.count { $0 == "," }
    if commas > 0 {
      guard allowsComma, commas == 1, !text.contains("."), let value = Double(text.replacing(",", with: ".")) else {
        throw notANumber(text)
      }
      try note(",", line)
      return value.isFinite ? value : .nan
    }
    guard let value = Double(text) else { throw notANumber(text) }
    if text.contains(".") { try note(".", line) }
    return value.isFinite ? value : .nan
  }

  private func notANumber(_ text: String) -> Defect {
    Defect(
      problem:
        "\(TraceFile.shown(text)) is not a number; write one such as 1234.5, without a unit and without thousands separators"
    )
  }

  /// A comma in one line and a point in another: one of them may separate thousands.
  private mutating func note(_ mark: Character, _ line: Int) throws(Defect) {
    if let other = firstLine.first(where: { $0.key != mark }) {
      throw Defect(
        problem:
          "a decimal '\(mark)' here and a '\(other.key)' in line \(other.value); write all numbers with the same decimal mark and without thousands separators"
      )
    }
    if firstLine[mark] == nil { firstLine[mark] = line }
  }
}
