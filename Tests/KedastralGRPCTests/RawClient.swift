import Foundation
import Testing

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

  private let descriptor: CInt
  private var input: [UInt8] = []
  private(set) var isClosed = false

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(code == 0, "no connection to port \(port)")
    // No read waits longer than this.
    var time = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    var one: CInt = 1
    setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
  }

  deinit { close(descriptor) }

  /// Ends the connection.
  func end() { shutdown(descriptor, CInt(SHUT_RDWR)) }

  /// A client whose greeting is over.
  static func greeted(port: UInt16) throws -> RawClient {
    let client = try RawClient(port: port)
    client.send(preface)
    client.send(.settings)
    return client
  }

  func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

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
    var chunk = [UInt8](repeating: 0, count: 65_536)
    var count = 0
    // A process that was stopped finds its reads interrupted when it goes on.
    repeat {
      count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    } while count < 0 && errno == EINTR
    guard count > 0 else {
      isClosed = count == 0 || errno == ECONNRESET
      return false
    }
    input += chunk[..<count]
    return true
  }
}
