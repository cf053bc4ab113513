import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model that runs in another service and is called over HTTP.
///
///     let model = try RemoteModel(url: "http://prophet:8082", fallback: SeasonalBaseline())
///
/// It is sent `POST <url>/predict` with `{"now", "horizonSeconds", "stepSeconds", "features": [{"ts", "value"}…]}`
/// (instants by RFC 3339, missing samples left out; also `"timeZone"` where the load's days are not those of UTC, and `"events":
/// [{"name", "start", "end"}…]` where its calendar has some between the first sample and the horizon) and returns `{"values": […]}`, one for each step, and optionally
/// `"quantiles": {"0.9": […]}`. Values below zero count as zero. When it fails, the fallback forecasts, and the
/// forecast's reason says so.
public struct RemoteModel: Model {
  public let name = "byom"
  /// The service; `/predict` is appended to its path unless it ends so.
  package let endpoint: HTTPEndpoint
  private let fallback: (any Model)?
  /// The zone of the load's days; nil for UTC.
  private let timeZone: String?
  /// The events of its calendar within a range of instants.
  private let events: @Sendable (Range<Date>) -> [Event]
  private let client: HTTPClient
  private let logger: KedastralLogger

  /// A time at which the load differs from its pattern.
  package struct Event: Sendable, Equatable {
    package var name: String
    package var start: Date
    package var end: Date

    package init(name: String, start: Date, end: Date) {
      (self.name, self.start, self.end) = (name, start, end)
    }
  }

  /// Creates a model.
  ///
  /// - Parameters:
  ///   - endpoint: the service, and the deadline of one forecast.
  ///   - timeZone: the name of the zone of the load's days; nil for UTC.
  ///   - events: the events of its calendar within a range of instants.
  ///   - fallback: the model that is used when the service fails; nil to fail instead.
  ///   - logger: takes each failure of the service.
  package init(
    endpoint: HTTPEndpoint, timeZone: String? = nil, events: @escaping @Sendable (Range<Date>) -> [Event] = { _ in [] },
    fallback: (any Model)?, client: HTTPClient, logger: KedastralLogger = .silent
  ) {
    self.endpoint = endpoint
    self.timeZone = timeZone
    self.events = events
    self.fallback = fallback
    self.client = client
    self.logger = logger
  }

  /// Not supported for a remote model: only a session can wait.
  ///
  /// - Throws: `ModelError.remote`, always.
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    throw ModelError.remote(
      "\(endpoint.displayName): the model 'byom' uses the network and works only in a session (makeSession)"
    )
  }

  public func makeSession() -> any ModelSession {
    Session(model: self, fallback: fallback?.makeSession(), fallbackName: fallback?.name ?? "")
  }

  private struct Session: ModelSession {
    let model: RemoteModel
    var fallback: (any ModelSession)?
    let fallbackName: String
    /// The number of consecutive failed calls of the remote model.
    var failures = 0

    mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) async throws -> Forecast {
      do {
        let forecast = try await model.ask(history, steps: steps, quantiles: quantiles)
        if failures > 0 { model.logger.info("remote model responds again", ["failures": "\(failures)"]) }
        failures = 0
        return forecast
      } catch let error as ModelError {
        guard case .remote(let problem) = error, var session = fallback else { throw error }
        failures += 1
        model.logger.log(
          failures == 1 ? .warn : .debug, "remote model failed", ["error": problem, "fallback": fallbackName])
        var forecast = try await session.forecast(history, steps: steps, quantiles: quantiles)
        fallback = session
        let said = forecast.reason.map { "; \($0)" } ?? ""
        forecast.reason = "the remote model failed; \(fallbackName) was used instead (\(problem))\(said)"
        return forecast
      }
    }

    var state: Data? { fallback?.state }
    mutating func restore(_ state: Data) { fallback?.restore(state) }
  }

  private func ask(_ history: TimeSeries, steps: Int, quantiles: [Double]) async throws -> Forecast {
    guard history.lastPresentIndex != nil else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
    let first = history.start - history.step
    let events = events(first..<history.end + history.step * steps)
    let request = HTTPRequest(
      endpoint, method: "POST", path: HTTPRequest.path(of: endpoint.url, endsIn: "/predict") ? "" : "/predict",
      headers: [HTTPHeader("Content-Type", "application/json")],
      body: RemoteModelMessage.question(history, steps: steps, timeZone: timeZone, events: events))
    let asked = "forecast of \(steps) steps"
    do {
      let response = try await client.answer(to: request, asked: asked, of: request.displayName) {
        (try? JSONValue($0.body))?["error"].text
      }
      let answer: RemoteModelMessage.Answer
      do { answer = try RemoteModelMessage.answer(response.body, steps: steps) } catch {
        throw SourceError(asked: asked, of: request.displayName, problem: "\(error)")
      }
      let wanted = answer.quantiles.filter { path in quantiles.contains { abs($0 - path.level) < 1e-9 } }
      return Forecast(
        start: history.end, step: history.step, values: answer.values, quantiles: Quantiles(wanted), model: name)
    } catch let error as SourceError {
      throw ModelError.remote(error.description)
    }
  }
}

extension RemoteModel {
  /// Creates a model of a service's URL.
  ///
  /// - Parameters:
  ///   - url: the service, such as `http://prophet:8082`.
  ///   - fallback: the model that stands in; nil to fail instead.
  ///   - timeout: how long one forecast may take.
  ///   - logger: receives each failure of the service.
  /// - Throws: when no HTTP client can be started.
  public init(
    url: String, fallback: (any Model)?, timeout: Duration = .seconds(10), logger: KedastralLogger = .silent
  ) throws {
    self.init(
      endpoint: HTTPEndpoint(url, proxy: .environment(), deadline: timeout), fallback: fallback,
      client: try .shared(), logger: logger)
  }
}
