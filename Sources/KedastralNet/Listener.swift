import CEvent
import Glibc

/// Accepts TCP connections on an event loop.
/// When the process runs out of file descriptors, accepting pauses for a moment and then resumes; connections wait in
/// the kernel's queue meanwhile.
package final class Listener {
  /// Why an address cannot be listened on.
  package struct ListenError: Error, CustomStringConvertible {
    /// The address that was asked for.
    package let address: ListenAddress
    /// What the system said.
    package let problem: String
    package var description: String { "cannot listen on \(address): \(problem)" }
  }

  /// The address in use, with the port that the system chose when 0 was asked for.
  package let address: ListenAddress
  private let loop: EventLoop
  private let onAccept: (CInt) -> Void
  private var listener: OpaquePointer?
  private var pause: LoopTimer?

  /// Starts to listen.
  ///
  /// - Parameters:
  ///   - sharesPort: several listeners (one a loop) may listen on the same port, and the kernel spreads connections.
  ///   - onAccept: takes over the descriptor of each new connection (non-blocking, close-on-exec).
  /// - Precondition: the caller runs on the loop's thread; so does every later use.
  package init(
    on loop: EventLoop, at address: ListenAddress, sharesPort: Bool = false, onAccept: @escaping (CInt) -> Void
  ) throws {
    loop.preconditionOnLoop()
    self.loop = loop
    self.onAccept = onAccept
    let descriptor = try Self.bind(address, sharesPort: sharesPort)
    self.address = ListenAddress(host: address.host, port: Self.port(of: descriptor) ?? address.port)
    let flags = UInt32(LEV_OPT_CLOSE_ON_FREE) | UInt32(LEV_OPT_CLOSE_ON_EXEC)
    listener = evconnlistener_new(
      loop.base,
      { _, descriptor, _, _, context in
        guard let context else { return }
        Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().onAccept(descriptor)
      }, Unmanaged.passUnretained(self).toOpaque(), flags, 1024, descriptor)
    guard let listener else {
      Glibc.close(descriptor)
      throw ListenError(address: address, problem: errnoText())
    }
    evconnlistener_set_error_cb(listener) { _, context in
      guard let context else { return }
      Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().pauseAccepting()
    }
  }

  /// Stops accepting and frees the port.
  package func close() {
    pause = nil
    if let listener { evconnlistener_free(listener) }
    listener = nil
  }

  /// Closes an accepted descriptor that is not used.
  package static func refuse(_ descriptor: CInt) { Glibc.close(descriptor) }

  deinit { close() }

  private func pauseAccepting() {
    guard let listener, pause == nil else { return }
    evconnlistener_disable(listener)
    pause = LoopTimer(on: loop, every: .milliseconds(100), repeating: false) { [unowned self] in
      pause = nil
      if let listener = self.listener { evconnlistener_enable(listener) }
    }
  }

  private static func bind(_ address: ListenAddress, sharesPort: Bool) throws -> CInt {
    var problem = "this machine has no such address"
    for candidate in try resolve(address) {
      let descriptor = socket(
        candidate.family, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else {
        problem = errnoText()
        continue
      }
      setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
      if sharesPort { setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
      if candidate.family == AF_INET6 {
        setOption(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, address.host.isEmpty ? 0 : 1)
      }
      let code = candidate.bytes.withUnsafeBytes { bytes in
        bytes.baseAddress.map {
          Glibc.bind(descriptor, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        } ?? -1
      }
      if code == 0, listen(descriptor, 1024) == 0 { return descriptor }
      problem = errno == EADDRINUSE ? "the port is in use by another process" : errnoText()
      Glibc.close(descriptor)
      if errno == EADDRINUSE { break }
    }
    throw ListenError(address: address, problem: problem)
  }

  private static func resolve(_ address: ListenAddress) throws -> [(family: CInt, bytes: [UInt8])] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(address.host.isEmpty ? nil : address.host, String(address.port), &hints, &list)
    guard code == 0 else { throw ListenError(address: address, problem: String(cString: gai_strerror(code))) }
    defer { freeaddrinfo(list) }
    var found: [(family: CInt, bytes: [UInt8])] = []
    var next = list
    while let entry = next?.pointee {
      found.append((entry.ai_family, Array(UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen)))))
      next = entry.ai_next
    }
    // Every address: one socket that takes both families where there is IPv6.
    return address.host.isEmpty ? found.sorted { $0.family == AF_INET6 && $1.family != AF_INET6 } : found
  }

  private static func port(of descriptor: CInt) -> UInt16? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
        // sockaddr_in and sockaddr_in6 both hold the port behind the 16-bit family.
        ? UInt16(bigEndian: UnsafeRawPointer(pointer).load(fromByteOffset: 2, as: UInt16.self)) : nil
    }
  }

  private static func setOption(_ descriptor: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
  }
}
