/// What the codecs share.
enum Protobuf {
  /// The status for bytes that are not the message they should be.
  static func malformed(_ message: String) -> GRPCStatus {
    GRPCStatus(.invalidArgument, "the request is not a protobuf message of type \(message)")
  }

  /// A C string of an unpacked message, copied; protobuf's strings are UTF-8, which protobuf-c does not check.
  static func text(_ pointer: UnsafePointer<CChar>?) throws(GRPCStatus) -> String {
    guard let pointer else { return "" }
    guard let text = String(validatingCString: pointer) else {
      throw GRPCStatus(.invalidArgument, "a string in the request is not UTF-8")
    }
    return text
  }

  /// Makes room for `size` bytes at the end and has `pack` write exactly as many there.
  // The pointer has the room that is asked for, and lives as long as the call.
  static func append(_ size: Int, to output: inout [UInt8], _ pack: (UnsafeMutablePointer<UInt8>) -> Int) {
    guard size > 0 else { return }
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: size))
    output.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { _ = pack(base + start) }
    }
  }

  /// The next integer at or above a number, for clients that read the integer field.
  static func roundedUp(_ value: Double) -> Int64 {
    let integer = value.rounded(.up)
    return Int64(exactly: integer) ?? (integer > 0 ? .max : 0)
  }
}
