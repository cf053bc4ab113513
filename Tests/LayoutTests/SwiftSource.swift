/// One Swift file as far as its layout tells: what it imports, which types and functions it declares, and which names it uses.
///
/// It is read by the house style's indentation: what begins a line is declared for the module, what stands two spaces in is
/// declared in the type or extension above it.
struct SwiftSource {
  /// The modules that it imports.
  private(set) var imports: Set<String> = []
  /// What others can use: `Plan`, `Plan.Step`, `errorText`.
  private(set) var declarations: Set<String> = []
  /// Names that it uses, with the types that qualify them: `Plan.Step`; its own private ones are not among them.
  private(set) var uses: Set<String> = []

  private static let typeKeywords: Set = ["struct", "class", "enum", "actor", "protocol", "typealias"]

  /// Reads a file's text.
  init(_ text: String) {
    var own: Set<String> = []
    var context: String?
    for line in Self.code(of: Array(text.utf8)).split(separator: UInt8(ascii: "\n")) {
      let indentation = line.prefix { $0 == UInt8(ascii: " ") }.count
      let names = Self.names(in: line)
      if names.contains("import"), let module = names.last { imports.insert(module) }
      uses.formUnion(names.dropFirst(names.first == "import" ? names.count : 0))
      let words = names.prefix { $0 != "init" }
      guard let declared = Self.declared(by: Array(words)) else {
        if indentation == 0, let place = words.firstIndex(of: "extension"), place + 1 < words.count {
          context = words[place + 1]
        }
        continue
      }
      let isPrivate = words.contains("private") || words.contains("fileprivate")
      if indentation == 0 {
        if isPrivate { own.insert(declared) } else { declarations.insert(declared) }
        if declared.first?.isUppercase == true { context = declared }
      } else if declared.first?.isUppercase == true {
        own.insert(declared)
        if indentation == 2, !isPrivate, let context { declarations.insert("\(context).\(declared)") }
      }
    }
    // A type of this file hides one of the same name elsewhere.
    uses = uses.filter { name in !own.contains(name) && !own.contains(String(name.prefix { $0 != "." })) }
  }

  /// The type or function that a line declares.
  private static func declared(by words: [String]) -> String? {
    for (index, word) in words.enumerated() where index + 1 < words.count {
      let name = words[index + 1]
      if typeKeywords.contains(word), name.first?.isUppercase == true { return name }
      if word == "func" { return name }
      if word == "let" || word == "var" || word == "case" { return nil }
    }
    return nil
  }

  /// The identifiers of a line, each with those that follow it behind a dot; members of values are left out.
  private static func names(in line: ArraySlice<UInt8>) -> [String] {
    var names: [String] = []
    var rest = line
    var previous = UInt8(ascii: " ")
    while let byte = rest.first {
      guard isIdentifier(byte) else {
        previous = byte
        rest = rest.dropFirst()
        continue
      }
      var name = rest.prefix(while: isIdentifier)
      rest = rest.dropFirst(name.count)
      // `Plan.Step` is one name, `plan.step` is a value and its member.
      while isUpper(name.first), rest.first == UInt8(ascii: "."), isUpper(rest.dropFirst().first) {
        let member = rest.dropFirst().prefix(while: isIdentifier)
        rest = rest.dropFirst(1 + member.count)
        name = line[name.startIndex..<member.endIndex]
      }
      if previous != UInt8(ascii: ".") { names.append(String(decoding: name, as: UTF8.self)) }
      previous = UInt8(ascii: "a")
    }
    return names
  }

  private static func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func isUpper(_ byte: UInt8?) -> Bool {
    byte.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } ?? false
  }

  // MARK: Comments and texts

  /// The code of a file, without comments and without texts, but with what is interpolated into texts.
  private static func code(of bytes: [UInt8]) -> [UInt8] {
    var reader = Reader(bytes: bytes)
    reader.readCode(endsWithParenthesis: false)
    return reader.code
  }

  private struct Reader {
    let bytes: [UInt8]
    var position = 0
    var code: [UInt8] = []

    init(bytes: [UInt8]) { self.bytes = bytes }

    private func has(_ text: StaticString) -> Bool {
      guard position + text.utf8CodeUnitCount <= bytes.count else { return false }
      return text.withUTF8Buffer { bytes[position..<position + $0.count].elementsEqual($0) }
    }

    /// Copies code, until its end or the parenthesis that closes an interpolation.
    mutating func readCode(endsWithParenthesis: Bool) {
      var depth = 0
      while position < bytes.count {
        if has("//") {
          skip { $0.has("\n") }
        } else if has("/*") {
          skip { $0.has("*/") }
          position += 2
        } else if bytes[position] == UInt8(ascii: "#") || bytes[position] == UInt8(ascii: "\""), readText() {
          code.append(UInt8(ascii: " "))
        } else {
          let byte = bytes[position]
          if byte == UInt8(ascii: "(") { depth += 1 }
          if byte == UInt8(ascii: ")") {
            if endsWithParenthesis, depth == 0 { return position += 1 }
            depth -= 1
          }
          code.append(byte)
          position += 1
        }
      }
    }

    /// Skips a text that begins here, all but its interpolations; false when none does.
    private mutating func readText() -> Bool {
      let hashes = bytes[position...].prefix { $0 == UInt8(ascii: "#") }.count
      guard position + hashes < bytes.count, bytes[position + hashes] == UInt8(ascii: "\"") else { return false }
      position += hashes
      let isLong = has("\"\"\"")
      position += isLong ? 3 : 1
      while position < bytes.count {
        if has("\\"), bytes[(position + 1)...].prefix(hashes).allSatisfy({ $0 == UInt8(ascii: "#") }) {
          position += 1 + hashes
          let isInterpolation = has("(")
          position += 1
          if isInterpolation {
            code.append(UInt8(ascii: " "))
            readCode(endsWithParenthesis: true)
          }
        } else if isLong ? has("\"\"\"") : has("\""),
          bytes[(position + (isLong ? 3 : 1))...].prefix(hashes).filter({ $0 == UInt8(ascii: "#") }).count == hashes
        {
          position += (isLong ? 3 : 1) + hashes
          return true
        } else {
          position += 1
        }
      }
      return true
    }

    private mutating func skip(until isEnd: (Reader) -> Bool) {
      while position < bytes.count, !isEnd(self) { position += 1 }
    }
  }
}
