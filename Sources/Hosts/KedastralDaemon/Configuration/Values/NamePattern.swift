/// A pattern of names: `*` stands for any number of characters, `?` for one, and every other character for itself.
///
///     try NamePattern(settingText: "shop-*").matches("shop-api")   // true
package struct NamePattern: Sendable, Equatable {
  /// The pattern as it is written.
  package let text: String
  private let characters: [Character]

  init(_ text: String) {
    self.text = text
    characters = Array(text)
  }

  /// Whether a name matches as a whole.
  package func matches(_ name: String) -> Bool {
    let name = Array(name)
    var (place, next) = (0, 0)
    // Where the last star is, and how much of the name it stands for so far.
    var star: (next: Int, place: Int)?
    while place < name.count {
      if next < characters.count, characters[next] == "*" {
        next += 1
        star = (next, place)
      } else if next < characters.count, characters[next] == "?" || characters[next] == name[place] {
        next += 1
        place += 1
      } else if let last = star {
        star = (last.next, last.place + 1)
        (next, place) = (last.next, last.place + 1)
      } else {
        return false
      }
    }
    return characters[next...].allSatisfy { $0 == "*" }
  }
}

extension NamePattern: SettingValue {
  static var placeholder: String { "PATTERN" }

  init(settingText: String) throws(SettingValueError) {
    guard !settingText.isEmpty else {
      throw SettingValueError(wrong: "is empty", right: "write a name, or a pattern such as shop-*")
    }
    self.init(settingText)
  }
}
