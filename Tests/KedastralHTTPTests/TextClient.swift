import Foundation
import Testing

/// A socket that sends what a test wants, as slowly as it wants.
final class TextClient {
  private let descriptor: CInt

  init(port: UInt16, receiveBuffer: CInt? = nil) throws {
    descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    if var size = receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
    }
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
    // No read or write waits longer than this.
    var time = timeval(tv_sec: 60, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  deinit { close(descriptor) }

  /// Ends the connection.
  func end() { shutdown(descriptor, CInt(SHUT_RDWR)) }

  /// Sends bytes; false when the server has closed.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// What comes until the text is there, or the end.
  func read(until text: String) -> String {
    var input: [UInt8] = []
    while !String(decoding: input, as: UTF8.self).contains(text), let more = receive() { input += more }
    return String(decoding: input, as: UTF8.self)
  }

  /// All bytes until the server closes.
  func readToEnd() -> String {
    var input: [UInt8] = []
    while let more = receive() { input += more }
    return String(decoding: input, as: UTF8.self)
  }

  private func receive() -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    var count = 0
    // A process that was stopped finds its reads interrupted when it goes on.
    repeat {
      count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    } while count < 0 && errno == EINTR
    return count > 0 ? Array(chunk[..<count]) : nil
  }
}
