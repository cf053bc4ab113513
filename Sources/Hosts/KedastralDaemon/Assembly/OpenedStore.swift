import KedastralCore
import KedastralMemoryStore
import KedastralNet
import KedastralRedisStore

/// The store that settings name, opened.
struct OpenedStore {
  /// The store.
  let store: any ForecastStore
  /// The same, when it is Redis.
  let redis: RedisStore?

  /// Opens a store; the connection to Redis is made in the background, on a separate loop.
  init(_ configuration: StorageConfiguration, clock: any WallClock, logger: Logger) async throws {
    switch configuration {
    case .memory:
      store = MemoryStore(clock: clock)
      redis = nil
    case .redis(let settings):
      let redis = try await RedisStore(try RedisStore.Configuration(settings), on: try EventLoop(), logger: logger)
      store = redis
      self.redis = redis
      logger.info("keeping plans in Redis", ["redis": redis.name])
    }
  }

  /// What is wrong with the store now, or nil.
  package var problem: String? { redis?.health.problem }

  /// Ends the store's connections.
  package func close() async { await redis?.close() }
}

extension RedisStore.Configuration {
  /// The configuration that settings describe.
  package init(_ settings: RedisConfiguration) throws {
    let password: RedisStore.Password? =
      settings.password.map { .text($0.text) } ?? settings.passwordFile.map(RedisStore.Password.file)
    if let url = settings.url {
      try self.init(url: url.text, user: settings.username, password: password, database: settings.database)
    } else {
      self.init(server: RemoteAddress(settings.endpoint))
      credentials = RedisStore.Credentials(user: settings.username, password: password)
      database = settings.database ?? 0
    }
    if !settings.sentinels.isEmpty {
      deployment = .sentinel(
        master: settings.sentinelMaster ?? "", sentinels: settings.sentinels.map { RemoteAddress(.network($0)) })
    } else if settings.isCluster, case .single(let node) = deployment {
      deployment = .cluster(nodes: [node])
    }
    sentinelCredentials = RedisStore.Credentials(
      user: settings.sentinelUsername, password: settings.sentinelPassword.map { .text($0.text) })
    let tls = settings.tls
    if tls.isEnabled || self.tls != nil {
      self.tls = RedisStore.TLS(
        files: tls.files,
        serverName: tls.serverName)
    }
    timeToLive = settings.ttl
    keyPrefix = settings.prefix
    alsoReadPrefixes = settings.readPrefixes
  }
}
