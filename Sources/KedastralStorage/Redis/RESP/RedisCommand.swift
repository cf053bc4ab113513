import CHiredis

/// One command for a Redis server: its words, and the key that decides which node of a cluster it is for.
struct RedisCommand: Sendable, Equatable {
  /// The words, the command's name first.
  let arguments: [[UInt8]]
  /// The key, or nil when any node will do.
  let key: String?

  /// Creates a command of texts.
  init(_ arguments: String..., key: String? = nil) {
    self.init(arguments.map { Array($0.utf8) }, key: key)
  }

  /// Creates a command of bytes.
  init(_ arguments: [[UInt8]], key: String? = nil) {
    self.arguments = arguments
    self.key = key
  }

  /// The name, for errors. Arguments are left out: they may be secrets.
  var name: String { arguments.first.map { String(decoding: $0, as: UTF8.self) } ?? "" }

  /// The command in RESP, written by hiredis's formatter.
  // Safe: hiredis reads the pointers only during the call, while `joined` is held, and the text it made is copied and freed.
  var encoded: [UInt8] {
    let joined = arguments.flatMap(\.self)
    let lengths = arguments.map(\.count)
    return joined.withUnsafeBytes { bytes in
      // An empty word has no address of its own; its length is all that is read of it.
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
