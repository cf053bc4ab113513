import Kedastral

extension KedastralService.Store {
  /// The store that settings describe.
  init(_ settings: StorageConfiguration) {
    switch settings {
    case .memory: self = .memory
    case .redis(let configuration, _): self.init(redis: { configuration })
    }
  }
}
