/// The name of a workload: letters and digits, `-` and `_` inside, at most 253 characters; safe in keys, URLs and labels.
public struct WorkloadName: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The name as text.
  public let text: String

  /// Checks a name.
  ///
  /// - Throws: ``InvalidWorkloadName`` naming the text.
  public init(_ text: String) throws(InvalidWorkloadName) {
    guard Self.isValid(text) else { throw InvalidWorkloadName(text: text) }
    self.text = text
  }

  /// Whether `text` matches `^[A-Za-z0-9]([A-Za-z0-9_-]{0,251}[A-Za-z0-9])?$`.
  public static func isValid(_ text: String) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, let last = bytes.last, bytes.count <= 253 else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
  }

  public var description: String { text }

  public static func < (left: WorkloadName, right: WorkloadName) -> Bool { left.text < right.text }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

extension WorkloadName: Codable {
  /// Reads the name from a text.
  ///
  /// - Throws: `DecodingError.dataCorrupted` naming the text when it is not a valid name.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard Self.isValid(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: InvalidWorkloadName(text: text).description)
    }
    self.text = text
  }

  /// Writes the name as a text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// The error for a text that is not a valid workload name.
public struct InvalidWorkloadName: Error, Equatable, CustomStringConvertible {
  /// The text that was given.
  public let text: String

  public var description: String {
    let shown = text.count > 60 ? text.prefix(60) + "…" : text[...]
    return
      "'\(shown)' is not a workload name; use 1 to 253 letters, digits, '-' and '_', with a letter or digit at both ends"
  }
}
