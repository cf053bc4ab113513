/// One reply of a Redis server, in RESP 2.
enum RESPValue: Sendable, Equatable {
  /// Arbitrary bytes.
  case bytes([UInt8])
  /// A short text such as `OK`.
  case status(String)
  /// An error; it begins with its kind: `WRONGTYPE Operation against a key…`.
  case error(String)
  /// An integer.
  case integer(Int)
  /// An array of replies.
  case array([RESPValue])
  /// No value.
  case null

  /// The text of bytes or a status; nil for other replies.
  var text: String? {
    switch self {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  /// The number, also when it is sent as text; nil for other replies.
  var number: Int? {
    if case .integer(let value) = self { value } else { text.flatMap { Int($0) } }
  }

  /// The elements of an array; nil for other replies.
  var elements: [RESPValue]? {
    if case .array(let values) = self { values } else { nil }
  }

  /// The error's text; nil for other replies.
  var errorText: String? {
    if case .error(let text) = self { text } else { nil }
  }

  /// A short description of the reply, for errors about unexpected replies.
  var summary: String {
    switch self {
    case .bytes(let bytes):
      bytes.count > 40 ? "\(bytes.count) bytes" : "'\(String(decoding: bytes, as: UTF8.self))'"
    case .status(let text), .error(let text): text
    case .integer(let value): "\(value)"
    case .array(let values): "an array of \(values.count)"
    case .null: "nothing"
    }
  }
}
