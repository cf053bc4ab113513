/// Where an outgoing connection goes.
package enum RemoteAddress: Sendable, Hashable, CustomStringConvertible {
  /// A host name or IP address, and a port.
  case network(host: String, port: UInt16)
  /// A Unix domain socket, by its path.
  case unixSocket(path: String)

  package var description: String {
    switch self {
    case .network(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unixSocket(let path): path
    }
  }

  /// The host, or nil of a Unix domain socket.
  package var host: String? {
    if case .network(let host, _) = self { host } else { nil }
  }
}
