import FoundationEssentials
import Kedastral
import KedastralCore
import KedastralNet
import KedastralSources

/// Makes metric sources of settings.
package struct SourceFactory: Sendable {
  package let client: HTTPClient
  package let clock: any WallClock
  package let logger: KedastralLogger

  package init(client: HTTPClient, clock: any WallClock, logger: KedastralLogger) {
    self.client = client
    self.clock = clock
    self.logger = logger
  }

  /// A source, and the service that it needs to have run, if any.
  package struct Made: Sendable {
    package let source: any MetricSource
    let service: ServiceRunner.Service?
    /// What was assumed or mended to read it.
    package var remarks: [String]

    package init(source: any MetricSource, service: ServiceRunner.Service?, remarks: [String] = []) {
      self.source = source
      self.service = service
      self.remarks = remarks
    }
  }

  /// A workload whose source was registered when its settings were read, and is not there any more.
  struct NotRegistered: Error, CustomStringConvertible {
    let workload: WorkloadName
    var description: String { "no source is registered for the workload '\(workload)'" }
  }

  /// Makes the source of one of a workload's metrics.
  package func make(_ source: SourceConfiguration, of workload: WorkloadConfiguration) throws -> Made {
    switch source {
    case .prometheus(let settings):
      return Made(
        source: PrometheusSource(
          endpoint: settings.endpoint, query: settings.query,
          partialResponse: settings.partialResponse, client: client, logger: logger),
        service: nil)
    case .http(let settings):
      return Made(source: try httpSource(settings), service: nil)
    case .csv(let settings):
      return try csvSource(settings, of: workload)
    case .registered: throw NotRegistered(workload: workload.name)
    case .scrape(let settings):
      let source = try scrapeSource(settings, step: workload.step, window: workload.window)
      return Made(source: source, service: { try await source.run() })
    }
  }

  /// Replays a trace so that, as far as it reaches, the window lies before the current time and some of it after.
  private func csvSource(_ settings: CSVSourceConfiguration, of workload: WorkloadConfiguration) throws -> Made {
    let file = try TraceFile(path: settings.path, step: workload.step * settings.speed)
    for remark in file.remarks { logger.warn("CSV file", ["file": settings.path, "remark": remark]) }
    let recorded = file.series
    let trace = TimeSeries(
      start: recorded.start, step: recorded.step / settings.speed, values: recorded.values)
    let behind = min(trace.count * 4 / 5, Int((workload.window.inSeconds / trace.step.inSeconds).rounded(.up)))
    let source = CSVSource(
      trace, clock: clock,
      playback: .shifted(position: trace.instant(at: behind), to: clock.now.floored(to: trace.step)))
    return Made(source: source, service: nil, remarks: file.remarks.map { "\(settings.path): \($0)" })
  }

  private func scrapeSource(
    _ settings: ScrapeSourceConfiguration, step: Duration, window: Duration
  ) throws -> ScrapeSource {
    let labels = settings.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
    let selector = labels.isEmpty ? settings.metric : "\(settings.metric){\(labels.joined(separator: ","))}"
    return ScrapeSource(
      endpoint: settings.endpoint, selector: try ScrapeSelector(selector), step: step,
      capacity: Int((window.inSeconds / step.inSeconds).rounded(.up)), client: client, clock: clock, logger: logger)
  }

  private func httpSource(_ settings: HTTPSourceConfiguration) throws -> HTTPSource {
    try HTTPSource(
      endpoint: settings.endpoint, method: settings.method.rawValue, body: settings.body,
      valuePath: settings.valuePath, timestampPath: settings.timestampPath, timestampFormat: settings.timestampFormat,
      variables: settings.templateVars.mapValues(\.text), client: client, clock: clock)
  }
}
