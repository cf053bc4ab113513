import Glibc
import Synchronization

/// A TCP port of the loopback address without a listener, each returned once in a process.
///
/// They lie below the range from which the kernel takes the ports of outgoing connections, so that none of those gets in the
/// way between this call and the server's start.
public func freePort() -> UInt16 {
  while true {
    let candidate = nextCandidate.withLock { next in
      next = next < 32_000 ? next + 1 : 10_000
      return next
    }
    if canListen(on: candidate) { return candidate }
  }
}

/// Test processes that run at the same time begin at different ports.
private let nextCandidate = Mutex(UInt16(10_000 + getpid() * 61 % 22_000))

private func canListen(on port: UInt16) -> Bool {
  // Closed on exec: a program that another test starts just now would keep the port.
  let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  address.sin_port = port.bigEndian
  return withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }
}
