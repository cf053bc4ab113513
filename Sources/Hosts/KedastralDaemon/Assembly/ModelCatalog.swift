import FoundationEssentials
import KedastralCore
import KedastralModels
import KedastralSources

/// The models that a configuration can name.
package enum ModelCatalog {
  /// Their names.
  package static let names = [
    "arima", "auto", "baseline", "byom", "croston", "ets", "mstl", "sarima", "seasonal-naive", "theta",
  ]

  /// Makes a model.
  ///
  /// - Parameters:
  ///   - timeZone: where the load's users live: whose daylight saving time moves its days.
  ///   - calendar: the days on which the load differs from its pattern. A service that forecasts receives its events.
  ///   - covariates: other series, which the model `auto` uses where they help; other models do not.
  ///   - workload: the workload's name, for log lines.
  ///   - clock: the source of time.
  ///   - client: for models that run elsewhere; not asked for by others.
  ///   - logger: receives their log lines.
  package static func make(
    _ configuration: ModelConfiguration, timeZone: String, calendar: CalendarConfiguration? = nil,
    covariates: [Covariate] = [], of workload: String = "", clock: any WallClock = SystemWallClock(),
    client: @autoclosure () throws -> HTTPClient,
    logger: KedastralLogger
  ) throws -> any Model {
    let utcOffset = try utcOffset(of: timeZone)
    let calendar = try calendar.map { $0.calendar(in: try TimeZoneRules(named: timeZone)) }
    func adjusted(_ model: any Model) -> any Model { calendar?.applied(to: model) ?? model }
    func local(_ model: any Model) -> any Model {
      adjusted(utcOffset.map { LocalDays(model, utcOffset: $0) } ?? model)
    }
    switch configuration.name {
    case "arima", "sarima":
      return local(Arima(configuration.order))
    case "auto":
      return adjusted(
        AutoModel(utcOffset: utcOffset).using(covariates, of: workload, clock: clock, logger: logger))
    case "baseline": return local(SeasonalBaseline())
    case "byom":
      guard let url = configuration.byomURL else { throw UnknownModel(name: "byom without a URL") }
      return RemoteModel(
        endpoint: HTTPEndpoint(url.text, proxy: .environment()), timeZone: timeZone == "UTC" ? nil : timeZone,
        events: { range in
          calendar?.events(in: range).map { RemoteModel.Event(name: $0.name, start: $0.start, end: $0.end) } ?? []
        }, fallback: local(SeasonalBaseline()),
        client: try client(), logger: logger)
    case "croston": return local(Croston())
    case "ets": return local(ExponentialSmoothing())
    case "mstl": return local(MultiSeason())
    case "seasonal-naive": return local(SeasonalNaive())
    case "theta": return local(Theta())
    default: throw UnknownModel(name: configuration.name)
    }
  }

  /// What the clock of a zone is ahead of UTC; nil when it is UTC itself.
  private static func utcOffset(of timeZone: String) throws -> (@Sendable (Date) -> Duration)? {
    guard timeZone != "UTC" else { return nil }
    let zone = try TimeZoneRules(named: timeZone)
    return { .seconds(zone.offsetSeconds(at: $0)) }
  }

  /// A name that settings let through and the catalogue does not have: a fault of this program.
  struct UnknownModel: Error, CustomStringConvertible {
    let name: String
    var description: String { "unknown model '\(name)'" }
  }
}
