import KedastralCore
import KedastralNet

/// How to reach Redis, and what is written there.
///
///     var configuration = RedisConfiguration(server: .network(host: "redis", port: 6379))
///     configuration.credentials = .init(user: "kedastral", password: .file("/run/secrets/redis"))
///     let same = try RedisConfiguration(url: "rediss://kedastral:secret@redis:6380/0")
package struct RedisConfiguration: Sendable, Equatable {
  /// Which servers hold the data.
  package var deployment: Deployment
  /// The user and password; nil without authentication.
  package var credentials: Credentials?
  /// The user and password for sentinels; nil without authentication.
  package var sentinelCredentials: Credentials?
  /// The database number, from 0; a cluster has only database 0.
  package var database = 0
  /// TLS for servers and sentinels; nil without TLS.
  package var tls: TLS?
  /// How long a snapshot is kept unless it is stored again.
  package var timeToLive = Duration.seconds(1800)
  /// The prefix of keys; the workload's name follows.
  package var keyPrefix = "forecast:"
  /// Prefixes of keys that other programs write and that are also read, such as ``referencePrefix``.
  package var alsoReadPrefixes: [String] = []
  /// The deadline of a call, including all its retries.
  package var callDeadline = Duration.seconds(3)
  /// The deadline for connecting, including the handshake.
  package var connectDeadline = Duration.seconds(2)
  /// The wait before reconnecting: increasing, with jitter.
  package var reconnect = Backoff(initial: .milliseconds(100), maximum: .seconds(5))
  /// The wait before a refused subscription is requested again; meanwhile plans are found by reading all values.
  package var resubscribe = Backoff(initial: .seconds(15), maximum: .seconds(300))
  /// How often all values are read again, in case a message was lost or a writer sends none.
  package var sweepInterval = Duration.seconds(30)
  /// How often all values are read while Redis refuses the subscription or the reads.
  package var pollInterval = Duration.seconds(10)
  /// The largest value that is written or read, in bytes.
  package var maximumValueBytes = 1 << 20
  /// How many bytes of commands may wait while Redis is unavailable; further calls fail at once.
  package var maximumWaitingBytes = 64 << 20

  /// The prefix of the Go implementation's keys.
  package static let referencePrefix = "kedastral:snapshot:"

  /// Creates settings for one server.
  package init(server: RemoteAddress) { deployment = .single(server) }

  /// Creates settings for a deployment.
  package init(deployment: Deployment) { self.deployment = deployment }

  /// Creates settings from a URL such as `redis://user:password@host:6379/0`, `rediss://host` (TLS) or
  /// `unix:///run/redis.sock?db=1`. Special characters are percent-encoded, such as `%41`.
  ///
  /// - Throws: the reason, never with the password.
  package init(url: String) throws(RedisURL.ParseError) { self.init(try RedisURL(url)) }

  /// Creates settings from a URL; the other arguments override its parts.
  ///
  /// If a password is given, a user part without a colon in the URL is the user; otherwise it is the password.
  package init(_ url: RedisURL, user: String? = nil, password: Password? = nil, database: Int? = nil) {
    self.init(server: url.server)
    credentials = url.credentials(user: user, password: password)
    self.database = database ?? url.database
    tls = url.usesTLS ? TLS() : nil
  }

  /// Searches the master of this name with sentinels, in place of the server of these settings.
  package mutating func findMaster(_ name: String, with sentinels: [ListenAddress]) {
    deployment = .sentinel(master: name, sentinels: sentinels.map { .network(host: $0.host, port: $0.port) })
  }

  /// Takes the single server of these settings as a node of a cluster.
  package mutating func joinCluster() {
    if case .single(let node) = deployment { deployment = .cluster(nodes: [node]) }
  }
}

extension RedisConfiguration {
  /// Which servers hold the data.
  package enum Deployment: Sendable, Hashable {
    /// One server.
    case single(RemoteAddress)
    /// The master of this name, as the sentinels report it.
    case sentinel(master: String, sentinels: [RemoteAddress])
    /// A cluster, discovered through any of these nodes.
    case cluster(nodes: [RemoteAddress])
  }

  /// A user and a password.
  package struct Credentials: Sendable, Equatable {
    /// The user; nil for the default user.
    package var user: String?
    /// The password.
    package var password: Password

    /// Creates credentials.
    package init(user: String? = nil, password: Password) {
      self.user = user
      self.password = password
    }

    /// Creates credentials from the given parts; nil when both are nil. A user without a password is one that needs
    /// none.
    package init?(user: String?, password: Password?) {
      guard user != nil || password != nil else { return nil }
      self.init(user: user, password: password ?? .text(""))
    }
  }

  /// Where a password comes from. It is never printed.
  package enum Password: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The password itself.
    case text(String)
    /// A file that contains only the password (a byte order mark and trailing line breaks are ignored); it is read
    /// again for each connection.
    case file(String)

    package var description: String {
      switch self {
      case .text: "(hidden)"
      case .file(let path): path
      }
    }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
  }

  /// TLS for connections to Redis.
  package struct TLS: Sendable, Equatable {
    /// The authorities to trust instead of the system's, and the client certificate for mutual TLS.
    package var files: TLSContext.Files
    /// The name that certificates must match; nil for the host that is connected to.
    package var serverName: String?
    /// Whether the name is checked. Leave it on: without it, any certificate of the authority is accepted for any
    /// server.
    package var verifiesName: Bool

    /// Creates TLS settings.
    package init(files: TLSContext.Files = .init(), serverName: String? = nil, verifiesName: Bool = true) {
      self.files = files
      self.serverName = serverName
      self.verifiesName = verifiesName
    }
  }
}
