import CHiredis

/// One command for a Redis server: its arguments, and the key that selects the node of a cluster.
struct RedisCommand: Sendable, Equatable {
  /// The arguments; the first is the command's name.
  let arguments: [[UInt8]]
  /// The key, or nil when any node can run the command.
  let key: String?

  /// Creates a command from texts.
  init(_ arguments: String..., key: String? = nil) {
    self.init(arguments.map { Array($0.utf8) }, key: key)
  }

  /// Creates a command from bytes.
  init(_ arguments: [[UInt8]], key: String? = nil) {
    self.arguments = arguments
    self.key = key
  }

  /// The name, for errors. Arguments are left out because they may be secrets.
  var name: String { arguments.first.map { String(decoding: $0, as: UTF8.self) } ?? "" }

  /// The command in RESP, formatted by hiredis.
  // Safe: hiredis reads the pointers only during the call, while `joined` is held, and the text it allocates is copied
  // and freed.
  var encoded: [UInt8] {
    let joined = arguments.flatMap(\.self)
    let lengths = arguments.map(\.count)
    return joined.withUnsafeBytes { bytes in
      // An empty argument has no address of its own; hiredis reads only its length.
      let start = bytes.bindMemory(to: CChar.self).baseAddress
      var offset = 0
      var pointers: [UnsafePointer<CChar>?] = lengths.map { length in
        defer { offset += length }
        return start.map { $0 + offset }
      }
      var formatted: UnsafeMutablePointer<CChar>?
      let length = redisFormatCommandArgv(&formatted, CInt(pointers.count), &pointers, lengths)
      guard let formatted, length > 0 else { return [] }
      defer { redisFreeCommand(formatted) }
      return Array(UnsafeRawBufferPointer(start: formatted, count: Int(length)))
    }
  }
}
