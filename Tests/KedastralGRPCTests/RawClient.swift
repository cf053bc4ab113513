import TestSupport

/// A socket that speaks HTTP/2 frame by frame, right or wrong as a test wants it.
final class RawClient {
  /// One HTTP/2 frame.
  struct Frame: Equatable {
    var type: UInt8
    var flags: UInt8 = 0
    var stream: UInt32 = 0
    var payload: [UInt8] = []

    var bytes: [UInt8] {
      let length = UInt32(payload.count)
      return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
        + (0..<4).map { UInt8(stream >> (24 - 8 * UInt32($0)) & 255) } + payload
    }

    static let settings = Frame(type: 4)
    static func ping(_ flags: UInt8 = 0) -> Frame {
      Frame(type: 6, flags: flags, payload: Array(repeating: 7, count: 8))
    }
    static func reset(_ stream: UInt32) -> Frame { Frame(type: 3, stream: stream, payload: [0, 0, 0, 8]) }
    /// The headers of a gRPC call, uncompressed (RFC 7541, section 6.2.2).
    static func headers(
      _ stream: UInt32, path: String = "/externalscaler.ExternalScaler/IsActive", flags: UInt8 = 4,
      more: [(String, String)] = []
    ) -> Frame {
      let fields =
        [
          (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"),
          ("content-type", "application/grpc"), ("te", "trailers"),
        ] + more
      return Frame(
        type: 1, flags: flags, stream: stream, payload: fields.flatMap { [0] + literal($0.0) + literal($0.1) })
    }

    /// A string without Huffman coding: its length, then its bytes.
    private static func literal(_ text: String) -> [UInt8] {
      var length = text.utf8.count
      var bytes: [UInt8] = []
      if length < 127 {
        bytes = [UInt8(length)]
      } else {
        bytes = [127]
        length -= 127
        while length >= 128 {
          bytes.append(UInt8(length % 128 + 128))
          length /= 128
        }
        bytes.append(UInt8(length))
      }
      return bytes + Array(text.utf8)
    }

    /// A message, with its gRPC prefix.
    static func message(_ stream: UInt32, _ message: [UInt8], isLast: Bool = true) -> Frame {
      let length = UInt32(message.count)
      let prefix: [UInt8] = [0] + (0..<4).map { UInt8(length >> (24 - 8 * UInt32($0)) & 255) }
      return Frame(type: 0, flags: isLast ? 1 : 0, stream: stream, payload: prefix + message)
    }

    /// The error code that RST_STREAM and GOAWAY carry.
    var errorCode: UInt8? {
      switch type {
      case 3: payload.last
      case 7: payload.count >= 8 ? payload[7] : nil
      default: nil
      }
    }
  }

  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  private let socket: LoopbackSocket
  private var input: [UInt8] = []
  /// Whether a read has found the connection ended by the server.
  var isClosed: Bool { socket.isClosed }

  init(port: UInt16) throws { socket = try LoopbackSocket(port: port) }

  /// Ends the connection.
  func end() { socket.end() }

  /// A client whose greeting is over.
  static func greeted(port: UInt16) throws -> RawClient {
    let client = try RawClient(port: port)
    client.send(preface)
    client.send(.settings)
    return client
  }

  func send(_ bytes: [UInt8]) { socket.send(bytes) }

  func send(_ frames: Frame...) { send(frames.flatMap { $0.bytes }) }

  /// The next frame, or nil at the connection's end.
  func next() -> Frame? {
    while true {
      if input.count >= 9 {
        let length = Int(input[0]) << 16 | Int(input[1]) << 8 | Int(input[2])
        if input.count >= 9 + length {
          let stream = input[5...8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
          let frame = Frame(type: input[3], flags: input[4], stream: stream, payload: Array(input[9..<9 + length]))
          input.removeFirst(9 + length)
          return frame
        }
      }
      guard receive() else { return nil }
    }
  }

  /// The next frame of a type, others skipped.
  func next(type: UInt8) -> Frame? {
    while let frame = next() { if frame.type == type { return frame } }
    return nil
  }

  /// All bytes until the server closes.
  func readToEnd() -> String {
    while receive() {}
    return String(decoding: input, as: UTF8.self)
  }

  private func receive() -> Bool {
    guard let bytes = socket.receive() else { return false }
    input += bytes
    return true
  }
}
