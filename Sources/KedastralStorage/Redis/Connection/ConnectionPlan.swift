import KedastralCore
import KedastralNet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How connections to a kind of server are made: TLS, the handshake, limits.
struct ConnectionPlan: Sendable {
  let loop: EventLoop
  let credentials: RedisConfiguration.Credentials?
  let database: Int
  let requiresMaster: Bool
  let tls: RedisConfiguration.TLS?
  let deadline: Duration
  let maximumReplyBytes: Int

  /// Why a connection cannot even be tried.
  struct PlanError: Error, CustomStringConvertible {
    let description: String
  }

  /// The handshake of a new connection; a password file is read now.
  func handshake() throws -> Handshake {
    Handshake(
      user: credentials?.user, password: try credentials.map { try $0.password.read() }, database: database,
      requiresMaster: requiresMaster)
  }

  /// TLS of a new connection; files are read now, so renewed certificates come into use.
  func outgoingTLS(to address: RemoteAddress) throws -> OutgoingConnection.TLS? {
    guard let tls else { return nil }
    let context = try TLSContext(.client, files: tls.files)
    guard let name = tls.serverName ?? address.host else {
      throw PlanError(description: "TLS over the socket \(address) needs a server name")
    }
    return .init(context: context, serverName: name, verifiesName: tls.verifiesName)
  }
}

extension ConnectionPlan {
  /// How the servers with the data are reached.
  static func server(_ configuration: RedisConfiguration, on loop: EventLoop) -> ConnectionPlan {
    var requiresMaster = false
    if case .sentinel = configuration.deployment { requiresMaster = true }
    return ConnectionPlan(
      loop: loop, credentials: configuration.credentials, database: configuration.database,
      requiresMaster: requiresMaster, tls: configuration.tls, deadline: configuration.connectDeadline,
      maximumReplyBytes: configuration.maximumReplyBytes)
  }

  /// How sentinels are reached.
  static func sentinel(_ configuration: RedisConfiguration, on loop: EventLoop) -> ConnectionPlan {
    ConnectionPlan(
      loop: loop, credentials: configuration.sentinelCredentials, database: 0, requiresMaster: false,
      tls: configuration.tls, deadline: configuration.connectDeadline,
      maximumReplyBytes: configuration.maximumReplyBytes)
  }
}

extension RedisConfiguration {
  /// The largest reply: one value, or a long list of names.
  fileprivate var maximumReplyBytes: Int { maximumValueBytes + (4 << 20) }
}

extension RedisConfiguration.Password {
  /// The password itself.
  func read() throws -> String {
    switch self {
    case .text(let text): return text
    case .file(let path):
      guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
        throw ConnectionPlan.PlanError(description: "cannot read the password file \(path)")
      }
      guard var text = TextBytes.decode(Array(data)).map({ $0[...] }) else {
        throw ConnectionPlan.PlanError(description: "the password file \(path) is not UTF-8 text")
      }
      while text.last?.isNewline == true { text.removeLast() }
      guard !text.isEmpty else { throw ConnectionPlan.PlanError(description: "the password file \(path) is empty") }
      return String(text)
    }
  }
}
