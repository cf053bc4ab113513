import KedastralConfiguration
import KedastralCore
import KedastralSources

/// The models that a configuration can name.
enum ModelCatalog {
  /// Their names, in the order in which help shows them.
  static let names = ["auto", "baseline", "byom"]

  /// Makes a model.
  ///
  /// - Parameter client: for models that run elsewhere.
  static func make(_ configuration: ModelConfiguration, client: HTTPClient, logger: Logger) throws -> any Model {
    switch configuration.name {
    case "auto": return AutoModel()
    case "baseline": return SeasonalBaseline()
    case "byom":
      guard let url = configuration.byomURL else { throw UnknownModel(name: "byom without a URL") }
      return RemoteModel(
        endpoint: HTTPEndpoint(url.text), fallback: SeasonalBaseline(), client: client, logger: logger)
    default: throw UnknownModel(name: configuration.name)
    }
  }

  /// A name that settings let through and the catalogue does not have: a fault of this program.
  struct UnknownModel: Error, CustomStringConvertible {
    let name: String
    var description: String { "no model is called '\(name)'" }
  }
}
