/// A `.proto` file as its serialized FileDescriptorProto, and the names it defines.
struct ProtoFile {
  /// The file's name.
  private(set) var name = ""
  /// Services, methods, messages and enumerations, by their full names.
  private(set) var symbols: Set<String> = []
  /// The FileDescriptorProto.
  let descriptor: [UInt8]

  /// Reads the names; bytes that are not a valid descriptor define none.
  init(descriptor: [UInt8]) {
    self.descriptor = descriptor
    let fields = Self.fields(descriptor[...])
    name = Self.text(fields, 1) ?? ""
    let package = Self.text(fields, 2) ?? ""
    for field in fields {
      switch field.number {
      case 4: addMessage(field.content, within: package)
      case 5: addNamed(field.content, within: package)
      case 6:
        guard let service = addNamed(field.content, within: package) else { continue }
        for method in Self.fields(field.content) where method.number == 2 { addNamed(method.content, within: service) }
      default: continue
      }
    }
  }

  private mutating func addMessage(_ content: ArraySlice<UInt8>, within scope: String) {
    guard let message = addNamed(content, within: scope) else { return }
    for field in Self.fields(content) {
      switch field.number {
      case 3: addMessage(field.content, within: message)
      case 4: addNamed(field.content, within: message)
      default: continue
      }
    }
  }

  @discardableResult
  private mutating func addNamed(_ content: ArraySlice<UInt8>, within scope: String) -> String? {
    guard let name = Self.text(Self.fields(content), 1) else { return nil }
    let fullName = scope.isEmpty ? name : "\(scope).\(name)"
    symbols.insert(fullName)
    return fullName
  }

  private static func text(_ fields: [(number: Int, content: ArraySlice<UInt8>)], _ number: Int) -> String? {
    fields.first { $0.number == number }.map { String(decoding: $0.content, as: UTF8.self) }
  }

  /// The length-delimited fields of an encoded message, the only kind that names are in.
  private static func fields(_ bytes: ArraySlice<UInt8>) -> [(number: Int, content: ArraySlice<UInt8>)] {
    var rest = bytes
    var found: [(number: Int, content: ArraySlice<UInt8>)] = []
    while let tag = varint(&rest) {
      switch tag & 7 {
      case 0: _ = varint(&rest)
      case 1: rest = rest.dropFirst(8)
      case 2:
        guard let length = varint(&rest), length <= rest.count else { return found }
        found.append((tag >> 3, rest.prefix(length)))
        rest = rest.dropFirst(length)
      case 5: rest = rest.dropFirst(4)
      default: return found
      }
    }
    return found
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) -> Int? {
    var value = 0
    var shift = 0
    while shift < 63, let byte = rest.popFirst() {
      value |= Int(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    return nil
  }
}
