import KedastralCore
import KedastralMemoryStore
import KedastralNet
import KedastralRedisStore

/// A store, opened, with what tells how it is.
package struct OpenedStore {
  /// The store.
  package let store: any ForecastStore
  /// The same, when it is Redis.
  let redis: RedisStore?
  private let loop: EventLoop?

  /// Opens a store; Redis is connected to in the background, on a loop of its own.
  package init(_ store: KedastralService.Store, clock: any WallClock, logger: KedastralLogger) async throws {
    switch store.kind {
    case .memory:
      (self.store, redis, loop) = (MemoryStore(clock: clock), nil, nil)
    case .own(let store):
      (self.store, redis, loop) = (store, nil, nil)
    case .redis(let configuration):
      let loop = try EventLoop()
      let redis = try await RedisStore(try configuration(), on: loop, logger: logger)
      (self.store, self.redis, self.loop) = (redis, redis, loop)
      logger.info("keeping plans in Redis", ["redis": redis.name])
    }
  }

  /// What is wrong with the store now, or nil.
  package var problem: String? { redis?.health.problem }

  /// Ends the store's connections.
  package func close() async {
    await redis?.close()
    await loop?.stop()
  }
}
