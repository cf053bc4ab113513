/// A value together with where it was given.
struct Located<Value: Sendable>: Sendable {
  var value: Value
  var origin: Origin

  init(_ value: Value, _ origin: Origin) {
    self.value = value
    self.origin = origin
  }
}

extension Located: Decodable where Value: SettingValue {
  init(from decoder: any Decoder) throws {
    guard let node = decoder as? YAMLNodeDecoder else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "a located value is read from YAML alone"))
    }
    self = try node.located(Value.self)
  }
}

/// A section of a configuration file (a mapping) together with where it begins.
struct Section<Content: Decodable & Sendable>: Decodable, Sendable {
  var content: Content
  var origin: Origin

  init(_ content: Content, at origin: Origin) {
    (self.content, self.origin) = (content, origin)
  }

  init(from decoder: any Decoder) throws {
    content = try Content(from: decoder)
    origin = (decoder as? YAMLNodeDecoder)?.origin ?? .nowhere
  }
}
