import KedastralCore
import KedastralNet

extension RedisStore {
  /// How to reach Redis, and what is written there.
  ///
  ///     var configuration = RedisStore.Configuration(server: .network(host: "redis", port: 6379))
  ///     configuration.credentials = .init(user: "kedastral", password: .file("/run/secrets/redis"))
  ///     let same = try RedisStore.Configuration(url: "rediss://kedastral:secret@redis:6380/0")
  package struct Configuration: Sendable {
    /// Which servers hold the data.
    package var deployment: Deployment
    /// Who we are; nil without authentication.
    package var credentials: Credentials?
    /// Who we are to sentinels; nil without authentication.
    package var sentinelCredentials: Credentials?
    /// The database number, from 0; a cluster has 0 alone.
    package var database = 0
    /// TLS towards servers and sentinels; nil without.
    package var tls: TLS?
    /// How long a snapshot stays when nobody renews it.
    package var timeToLive = Duration.seconds(1800)
    /// What keys begin with; the workload's name follows.
    package var keyPrefix = "forecast:"
    /// Prefixes of keys that others write, which are read besides, such as ``referencePrefix``.
    package var alsoReadPrefixes: [String] = []
    /// How long a call may take, all its retries included.
    package var callDeadline = Duration.seconds(3)
    /// How long it may take to connect, the server's welcome included.
    package var connectDeadline = Duration.seconds(2)
    /// The wait before connecting anew: growing, jittered.
    package var reconnect = Backoff(initial: .milliseconds(100), maximum: .seconds(5))
    /// The wait before a refused subscription is requested again; meanwhile plans are found by reading all values.
    package var resubscribe = Backoff(initial: .seconds(15), maximum: .seconds(300))
    /// How often all values are read again, in case a message was lost or a writer sends none.
    package var sweepInterval = Duration.seconds(30)
    /// How often all values are read while Redis does not let the user subscribe or read.
    package var pollInterval = Duration.seconds(10)
    /// The largest value that is written or read.
    package var maximumValueBytes = 1 << 20
    /// How many bytes of commands may wait while Redis is away; calls beyond that fail at once.
    package var maximumWaitingBytes = 64 << 20

    /// The keys of the Go reference implementation.
    package static let referencePrefix = "kedastral:snapshot:"

    /// Creates settings for one server.
    package init(server: RemoteAddress) { deployment = .single(server) }

    /// Creates settings for a deployment.
    package init(deployment: Deployment) { self.deployment = deployment }

    /// Creates settings from a URL such as `redis://user:password@host:6379/0`, `rediss://host` (TLS) or
    /// `unix:///run/redis.sock?db=1`. Bytes that are special in URLs are written as `%41`.
    ///
    /// - Throws: ``URLError`` naming what is wrong, never the password.
    package init(url: String) throws(URLError) {
      try self.init(url: url, user: nil)
    }

    /// Creates settings from a URL, over whose parts the others given here take precedence.
    ///
    /// With a password given, a URL's user part without a colon is the user; otherwise it is the password.
    ///
    /// - Throws: ``URLError`` naming what is wrong, never the password.
    package init(url: String, user: String?, password: Password? = nil, database: Int? = nil) throws(URLError) {
      let parsed = try RedisURL(url)
      self.init(server: parsed.server)
      credentials = parsed.credentials(user: user, password: password)
      self.database = database ?? parsed.database
      tls = parsed.usesTLS ? TLS() : nil
    }
  }

  /// Which servers hold the data.
  package enum Deployment: Sendable, Hashable {
    /// One server.
    case single(RemoteAddress)
    /// The master of this name, which the sentinels know.
    case sentinel(master: String, sentinels: [RemoteAddress])
    /// A cluster, found through any of these nodes.
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

    /// Credentials of what is given; nil when nothing is. A user without a password is one that needs none.
    package init?(user: String?, password: Password?) {
      guard user != nil || password != nil else { return nil }
      self.init(user: user, password: password ?? .text(""))
    }
  }

  /// Where a password comes from. It is never printed.
  package enum Password: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The password itself.
    case text(String)
    /// A file with the password and nothing else (a byte order mark and line breaks at its end are left out), read anew for each connection.
    case file(String)

    package var description: String {
      switch self {
      case .text: "(hidden)"
      case .file(let path): path
      }
    }
    package var debugDescription: String { description }
  }

  /// TLS towards Redis.
  package struct TLS: Sendable, Equatable {
    /// The authorities to trust instead of the system's, and the client's own certificate for mutual TLS.
    package var files: TLSContext.Files
    /// The name that certificates must be made out to; nil for the host that is connected to.
    package var serverName: String?
    /// Whether the name is checked. Leave it on: without, any certificate of the authority passes for any server.
    package var verifiesName: Bool

    /// Creates TLS settings.
    package init(files: TLSContext.Files = .init(), serverName: String? = nil, verifiesName: Bool = true) {
      self.files = files
      self.serverName = serverName
      self.verifiesName = verifiesName
    }
  }
}
