import Glibc

/// A TCP connection to a port of the loopback address, for clients that do what no library would.
public final class LoopbackSocket {
  /// The connection was not accepted.
  public struct NoConnection: Error, CustomStringConvertible {
    let port: UInt16
    public var description: String { "no connection to port \(port)" }
  }

  private let descriptor: CInt
  /// Whether a read has found the connection ended by the server.
  public private(set) var isClosed = false

  /// Connects; `receiveBuffer` is the kernel's, in bytes.
  public init(port: UInt16, receiveBuffer: CInt? = nil) throws {
    descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    if let receiveBuffer { set(SO_RCVBUF, to: receiveBuffer) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw NoConnection(port: port) }
    // No read or write waits longer than this.
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] { set(option, to: timeval(tv_sec: 60, tv_usec: 0)) }
    set(TCP_NODELAY, of: CInt(IPPROTO_TCP), to: CInt(1))
  }

  deinit { close(descriptor) }

  private func set<Value: BitwiseCopyable>(_ option: CInt, of level: CInt = SOL_SOCKET, to value: Value) {
    withUnsafeBytes(of: value) { _ = setsockopt(descriptor, level, option, $0.baseAddress, socklen_t($0.count)) }
  }

  /// Ends the connection.
  public func end() { shutdown(descriptor, CInt(SHUT_RDWR)) }

  /// Sends bytes; false when the server has closed.
  @discardableResult
  public func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// The bytes that come next, or nil at the connection's end.
  public func receive() -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    var count = 0
    // The reads of a stopped process are interrupted when it continues.
    repeat {
      count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    } while count < 0 && errno == EINTR
    guard count > 0 else {
      isClosed = count == 0 || errno == ECONNRESET
      return nil
    }
    return Array(chunk[..<count])
  }
}
