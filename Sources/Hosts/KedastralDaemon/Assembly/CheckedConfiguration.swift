import KedastralRedisStore

/// A host's settings that say where plans are kept.
package protocol StoringConfiguration: Sendable {
  var storage: StorageConfiguration { get }
}

extension ForecasterConfiguration: StoringConfiguration {}
extension ScalerConfiguration: StoringConfiguration {}
extension AllInOneConfiguration: StoringConfiguration {
  package var storage: StorageConfiguration { forecaster.storage }
}

extension Invocation where Configuration: StoringConfiguration {
  /// This, unless its settings of Redis are invalid: a URL is read by the store alone, and is to be refused like any other
  /// setting, before anything is served.
  package func checked() throws(ConfigurationError) -> Self {
    guard case .run(let configuration) = self, case .redis(let settings) = configuration.storage else { return self }
    do {
      try RedisStore.Configuration(settings).validate()
    } catch {
      throw ConfigurationError([ConfigurationProblem(.nowhere, "\(error)")])
    }
    return self
  }
}
