import KedastralConfiguration
import KedastralCore
import KedastralSources

/// The models that a configuration can name.
enum ModelCatalog {
  /// Their names, in the order in which help shows them.
  static let names = ["auto", "baseline"]

  /// Makes a model.
  ///
  /// - Parameter client: for models that run elsewhere.
  static func make(_ configuration: ModelConfiguration, client: HTTPClient) throws -> any Model {
    switch configuration.name {
    case "auto", "baseline": return SeasonalBaseline()
    default: throw UnknownModel(name: configuration.name)
    }
  }

  /// A name that settings let through and the catalogue does not have: a fault of this program.
  struct UnknownModel: Error, CustomStringConvertible {
    let name: String
    var description: String { "no model is called '\(name)'" }
  }
}
