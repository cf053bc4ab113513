import Glibc
import Synchronization

/// A socket address as the kernel takes it.
struct SocketAddress: Sendable {
  let family: CInt
  let bytes: [UInt8]

  /// Calls `body` with the address in the form that the socket functions want.
  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result? {
    bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { body($0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) }
    }
  }

  /// The address of a Unix domain socket, or nil when the path is too long for one.
  static func unixSocket(_ path: String) -> SocketAddress? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let text = Array(path.utf8)
    guard !text.isEmpty, text.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: text) }
    return SocketAddress(family: AF_UNIX, bytes: withUnsafeBytes(of: &address) { Array($0) })
  }
}

/// Resolves host names with the system's resolver, on separate threads.
///
/// Questions for a name that is being looked up join the lookup, so a name server that does not answer holds one thread a
/// name, however often it is asked for.
enum HostResolver {
  typealias Answer = Result<[SocketAddress], LookupError>

  /// A name that could not be resolved.
  struct LookupError: Error, Sendable, CustomStringConvertible {
    let host: String
    let problem: String
    var description: String { "cannot resolve '\(host)': \(problem)" }
  }

  private static let waiters = Mutex<[String: [@Sendable (Answer) -> Void]]>([:])

  /// The addresses to listen on: those of `host`, or every address when it is empty. Waits for the name's server.
  static func listenAddresses(host: String, port: UInt16) -> Answer {
    lookUp(host.isEmpty ? nil : host, port, flags: AI_PASSIVE).map { found in
      // Every address: one socket that takes both families where there is IPv6.
      host.isEmpty ? found.sorted { $0.family == AF_INET6 && $1.family != AF_INET6 } : found
    }
  }

  /// Looks up `host` and calls back on any thread, or at once when it is a numeric address.
  static func resolve(host: String, port: UInt16, _ completion: @escaping @Sendable (Answer) -> Void) {
    let numeric = lookUp(host, port, flags: AI_NUMERICHOST)
    if case .success = numeric { return completion(numeric) }
    let key = "\(port) \(host)"
    let isFirst = waiters.withLock { waiters in
      waiters[key, default: []].append(completion)
      return waiters[key]?.count == 1
    }
    guard isFirst else { return }
    let finish: @Sendable (Answer) -> Void = { answer in
      let completions = waiters.withLock { $0.removeValue(forKey: key) ?? [] }
      for completion in completions { completion(answer) }
    }
    do throws(OwnThread.StartError) {
      try OwnThread.start { finish(lookUp(host, port, flags: 0)) }
    } catch {
      finish(.failure(LookupError(host: host, problem: "\(error)")))
    }
  }

  private static func lookUp(_ host: String?, _ port: UInt16, flags: CInt) -> Answer {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    hints.ai_flags = flags
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
      return .failure(LookupError(host: host ?? "", problem: String(cString: gai_strerror(code))))
    }
    defer { freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = list
    while let entry = next?.pointee {
      let bytes = UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
      found.append(SocketAddress(family: entry.ai_family, bytes: Array(bytes)))
      next = entry.ai_next
    }
    return .success(found)
  }
}
