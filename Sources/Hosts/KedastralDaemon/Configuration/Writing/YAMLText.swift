/// Writes readable YAML: block mappings and sequences, quotes only where a text needs them.
///
///     var text = YAMLText()
///     text.mapping("policy") { $0.pair("targetPerPod", 50.0) }
struct YAMLText {
  /// What has been written.
  private(set) var text = ""
  private var indentation = ""
  /// Whether the next line begins an item of a sequence.
  private var beginsItem = false

  /// Writes a comment.
  mutating func comment(_ words: String) { line("# \(words)") }

  /// Writes a key with a text.
  mutating func pair(_ key: String, _ value: String) { line("\(Self.scalar(key)): \(Self.scalar(value))") }

  /// Writes a key with a whole number.
  mutating func pair(_ key: String, _ value: Int) { line("\(key): \(value)") }

  /// Writes a key with a number, without a fraction where there is none.
  mutating func pair(_ key: String, _ value: Double) {
    line("\(key): \(value == value.rounded() && value.magnitude < 1e15 ? String(Int(value)) : value.description)")
  }

  /// Writes a key with true or false.
  mutating func pair(_ key: String, _ value: Bool) { line("\(key): \(value)") }

  /// Writes a key with a mapping, nothing when the mapping is empty.
  mutating func mapping(_ key: String, _ content: (inout YAMLText) -> Void) {
    let inner = inner(item: false, content)
    guard !inner.isEmpty else { return }
    line("\(key):")
    text += inner
  }

  /// Writes a key with a sequence of mappings, nothing when there are none.
  mutating func sequence<Item>(_ key: String, of items: [Item], _ write: (inout YAMLText, Item) -> Void) {
    guard !items.isEmpty else { return }
    line("\(key):")
    for item in items { text += inner(item: true) { write(&$0, item) } }
  }

  /// Writes pairs in the order of their names.
  mutating func pairs(_ key: String, _ values: [String: String]) {
    mapping(key) { for (name, value) in values.sorted(by: { $0.key < $1.key }) { $0.pair(name, value) } }
  }

  private func inner(item: Bool, _ content: (inout YAMLText) -> Void) -> String {
    var inner = YAMLText()
    inner.indentation = indentation + (item ? "    " : "  ")
    inner.beginsItem = item
    content(&inner)
    return inner.text
  }

  private mutating func line(_ content: String) {
    text += beginsItem ? indentation.dropLast(2) + "- " : indentation
    text += content + "\n"
    beginsItem = false
  }

  /// A text as a scalar that every YAML parser reads as this text.
  static func scalar(_ text: String) -> String {
    let isPlain =
      text.utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || (0x30...0x39).contains($0) || " _-./".utf8.contains($0)
      } && text.utf8.first.map { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A || $0 == UInt8(ascii: "/") } == true
      && text.last != " "
      && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(text.lowercased())
    // Durations such as 30m begin with a digit but are not numbers.
    let isDuration = text.utf8.count < 12 && text.wholeMatch(of: #/([0-9]+(d|h|m|s|ms|w))+/#) != nil
    let isURL = text.wholeMatch(of: #/https?://[A-Za-z0-9.:/_-]+[A-Za-z0-9/_-]/#) != nil
    if isPlain || isDuration || isURL { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        quoted += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
