/// One reply of a Redis server, as RESP 2 knows them.
enum RESPValue: Sendable, Equatable {
  /// Bytes of any kind.
  case bytes([UInt8])
  /// A short text such as `OK`.
  case status(String)
  /// A refusal, beginning with its kind: `WRONGTYPE Operation against a key…`.
  case error(String)
  /// A whole number.
  case integer(Int)
  /// Several replies in one.
  case array([RESPValue])
  /// Nothing there.
  case null

  /// The text of bytes or a status; nil of anything else.
  var text: String? {
    switch self {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  /// The number, also when it comes as text.
  var number: Int? {
    if case .integer(let value) = self { value } else { text.flatMap { Int($0) } }
  }

  /// The elements of an array; nil of anything else.
  var elements: [RESPValue]? {
    if case .array(let values) = self { values } else { nil }
  }

  /// The refusal's text; nil of anything else.
  var errorText: String? {
    if case .error(let text) = self { text } else { nil }
  }

  /// The reply in a few words, for errors about replies that nobody expected.
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
