import KedastralConfiguration
import KedastralCore
import KedastralMemoryStore

/// Makes stores of settings.
enum StoreFactory {
  /// A storage that settings can name and this build does not have.
  struct Unavailable: Error, CustomStringConvertible {
    let description: String
  }

  static func make(_ configuration: StorageConfiguration, clock: any WallClock) throws -> any ForecastStore {
    switch configuration {
    case .memory: MemoryStore(clock: clock)
    case .redis: throw Unavailable(description: "-storage: Redis is not part of this build; use 'memory'")
    }
  }
}
