import Testing

@testable import KedastralDaemon

@Suite("YAML parser with positions")
struct YAMLParserTests {
  private func parse(_ text: String, limits: YAMLParser.Limits = .init()) throws -> YAMLNode {
    try YAMLParser.parse(text, file: "k.yaml", limits: limits)
  }

  private func problem(_ text: String, limits: YAMLParser.Limits = .init()) -> String {
    do throws(ConfigurationProblem) {
      _ = try YAMLParser.parse(text, file: "k.yaml", limits: limits)
      return "no problem"
    } catch { return error.description }
  }

  @Test("keys, values and lists have their line and column")
  func places() throws {
    let root = try parse("a: 1\nlist:\n  - x\n  - 'y z'\n")
    guard case .mapping(let entries, _) = root, case .sequence(let items, _) = entries[1].value else {
      Issue.record("not a mapping with a list")
      return
    }
    #expect(entries[0].value == .scalar("1", isPlain: true, YAMLMark(line: 1, column: 4)))
    #expect(entries[1].keyMark == YAMLMark(line: 2, column: 1))
    #expect(
      items == [
        .scalar("x", isPlain: true, YAMLMark(line: 3, column: 5)),
        .scalar("y z", isPlain: false, YAMLMark(line: 4, column: 5)),
      ])
  }

  @Test("an empty text, or one with only comments, is a mapping without keys", arguments: ["", "# nothing\n", "\n\n"])
  func empty(text: String) throws {
    #expect(try parse(text) == .mapping([], YAMLMark(line: 1, column: 1)))
  }

  @Test("an alias stands for its anchor, and << adds keys that the mapping lacks")
  func merge() throws {
    let yaml = """
      base: &base {horizon: 30m, step: 1m}
      other: &other {step: 5m, window: 3h}
      one:
        <<: [*base, *other]
        horizon: 1h
      """
    guard case .mapping(let entries, _) = try parse(yaml), case .mapping(let one, _) = entries[2].value else {
      Issue.record("not a mapping")
      return
    }
    let texts = one.map { entry -> String in
      if case .scalar(let text, _, _) = entry.value { "\(entry.key)=\(text)" } else { entry.key }
    }
    #expect(texts == ["horizon=1h", "step=1m", "window=3h"])
  }

  @Test(
    "invalid input is reported with its position",
    arguments: [
      ("a: 1\nb: 2\na: 3\n", "k.yaml:3:1: the key 'a' is given twice, first on line 1; keep one of them"),
      ("a: 1\n---\nb: 2\n", "k.yaml:2:1: a second document begins here; put everything into one document"),
      ("a: *x\n", "k.yaml:1:4: *x has no anchor &x before it; define the anchor first"),
      ("a: !include b.yaml\n", "k.yaml:1:4: unknown tag !include; write the value without a tag"),
      ("? [1, 2]\n: x\n", "k.yaml:1:3: a key must be a single word; quote it if it has special characters"),
      ("a:\n  <<: 5\n", "k.yaml:2:7: << takes a mapping, usually an alias such as *name"),
      ("a: [1, 2\nb: 3\n", "k.yaml:2:2: is not valid YAML: did not find expected ',' or ']'"),
      (
        "a:\n\tb: 1\n",
        "k.yaml:2:1: is not valid YAML: found character that cannot start any token; indent with spaces, not tabs, and quote values that begin with @, ` or %"
      ),
      ("a: &self [*self]\n", "k.yaml:1:11: *self has no anchor &self before it; define the anchor first"),
    ])
  func broken(text: String, message: String) {
    #expect(problem(text) == message)
  }

  @Test("aliases that multiply are rejected before they use much memory")
  func aliasBomb() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1...30 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    #expect(problem(text).hasSuffix("the file expands to more than 2000000 values; use fewer aliases"))
  }

  @Test("depth and size are bounded")
  func bounds() {
    let deep = String(repeating: "[", count: 10_000)
    #expect(problem(deep) == "k.yaml:1:65: nested more than 64 levels deep; reduce the nesting")
    #expect(problem("a: 12345", limits: .init(bytes: 4)) == "k.yaml:1:1: the file has 8 bytes; at most 4 are read")
  }

  @Test("no text crashes the parser")
  func anyText() {
    var random = SystemRandomNumberGenerator()
    let pieces = [
      "a", ":", " ", "\n", "- ", "[", "]", "{", "}", "&x ", "*x", "<<", "'", "\"", "|", "!", "#", "\t", "\u{0}", "é",
      "?", ",", "%",
    ]
    for _ in 0..<2000 {
      let text = (0..<30).compactMap { _ in pieces.randomElement(using: &random) }.joined()
      _ = problem(text)
    }
  }
}
