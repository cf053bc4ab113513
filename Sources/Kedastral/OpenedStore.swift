import KedastralCore
import KedastralMemoryStore
import KedastralNet
import KedastralRedisStore

/// An open store and its health.
package struct OpenedStore {
  /// The store.
  package let store: any ForecastStore
  /// The same store, if it is Redis.
  let redis: RedisStore?
  private let loop: EventLoop?

  /// Opens a store; it connects to Redis in the background, on its own loop.
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

  /// The store's current problem; nil when there is none.
  package var problem: String? { redis?.health.problem }

  /// Closes the store's connections.
  package func close() async {
    await redis?.close()
    await loop?.stop()
  }
}
