import Kedastral
import KedastralNet
import KedastralRedisStore

extension KedastralService.Store {
  /// The store that settings describe.
  init(_ settings: StorageConfiguration) {
    switch settings {
    case .memory: self = .memory
    case .redis(let settings): self.init(redis: { try RedisStore.Configuration(settings) })
    }
  }
}

extension RedisStore.Configuration {
  /// The configuration that settings describe.
  package init(_ settings: RedisConfiguration) throws {
    if let url = settings.url {
      try self.init(url: url.text, user: settings.username, password: settings.password, database: settings.database)
    } else {
      self.init(server: settings.endpoint)
      credentials = RedisStore.Credentials(user: settings.username, password: settings.password)
      database = settings.database ?? 0
    }
    if !settings.sentinels.isEmpty {
      findMaster(settings.sentinelMaster ?? "", with: settings.sentinels)
    } else if settings.isCluster {
      joinCluster()
    }
    sentinelCredentials = RedisStore.Credentials(
      user: settings.sentinelUsername, password: settings.sentinelPassword)
    if settings.usesTLS || tls != nil { tls = settings.tls }
    timeToLive = settings.ttl
    keyPrefix = settings.prefix
    alsoReadPrefixes = settings.readPrefixes
  }
}
