import FoundationEssentials
import Kedastral
import KedastralCore
import KedastralGRPC
import KedastralKubernetes
import KedastralModels
import KedastralNet
import KedastralSources

/// Makes metric sources of settings.
package struct SourceFactory: Sendable {
  package let client: HTTPClient
  package let clock: any WallClock
  package let logger: KedastralLogger
  private let sharedQueries: SharedQueries
  private let rawMetrics: RawMetricsFeeds
  /// Where pushed points go.
  let inbox: PushInbox
  /// The cluster whose pods are measured; nil without one.
  private let cluster: KubernetesClient?
  private let countingPace = CountingPace()

  package init(
    client: HTTPClient, clock: any WallClock, logger: KedastralLogger, cluster: KubernetesClient? = nil
  ) {
    self.cluster = cluster
    self.client = client
    self.clock = clock
    self.logger = logger
    sharedQueries = SharedQueries(client: client, clock: clock, logger: logger)
    inbox = PushInbox(clock: clock)
    rawMetrics = RawMetricsFeeds(on: client.loop, clock: clock, logger: logger)
  }

  /// A source, and the service that it needs to have run, if any.
  package struct Made: Sendable {
    package var source: any MetricSource
    let service: ServiceRunner.Service?
    /// What was assumed or mended to read it.
    package var remarks: [String]
    /// Tries a source without a past once, within a time limit, and returns what to tell the user; nil for a source with a past.
    package var probe: Probe?
    /// Whether others push to the source, so that nothing can be requested.
    package var isPushed = false

    package typealias Probe = @Sendable (Duration) async throws -> [String]

    package init(
      source: any MetricSource, service: ServiceRunner.Service?, remarks: [String] = [], probe: Probe? = nil
    ) {
      self.source = source
      self.service = service
      self.remarks = remarks
      self.probe = probe
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
      if let series = settings.series {
        return Made(
          source: sharedQueries.source(
            of: series.value, label: series.label, query: settings.query, at: settings.endpoint,
            partialResponse: settings.partialResponse, step: workload.step, interval: workload.interval),
          service: nil)
      }
      return Made(
        source: PrometheusSource(
          endpoint: settings.endpoint, query: settings.query,
          partialResponse: settings.partialResponse, client: client, logger: logger),
        service: nil)
    case .http(let settings):
      return bootstrapped(
        Made(source: try httpSource(settings), service: nil), from: settings.bootstrap, of: workload)
    case .csv(let settings):
      return try csvSource(settings, of: workload)
    case .registered: throw NotRegistered(workload: workload.name)
    case .scrape(let settings):
      let source = try scrapeSource(settings, step: workload.step, window: workload.window)
      let made = Made(source: source, service: { try await source.run() }) { _ in
        try await source.scrape()
        return []
      }
      return bootstrapped(made, from: settings.bootstrap, of: workload)
    case .keda(let settings):
      let trigger = ScalingTrigger(
        namespace: settings.namespace, object: settings.scaledObject, name: settings.trigger)
      let source = KedaSource(
        trigger, of: rawMetrics.feed(of: settings.server), step: workload.step,
        capacity: workload.window.steps(of: workload.step), clock: clock)
      let made = Made(source: source, service: { try await source.run() }) { limit in
        try await source.probe(within: limit).map { [$0] } ?? []
      }
      return bootstrapped(made, from: settings.bootstrap, of: workload)
    case .push(let settings):
      let selector = settings.selector
      let source = PushSource(
        selector, of: inbox, step: workload.step, capacity: workload.window.steps(of: workload.step), clock: clock)
      var made = Made(source: source, service: { try await source.run() }) { _ in
        ["\(selector): nothing was requested; senders post it to \(selector.origin.path) of the forecaster"]
      }
      made.isPushed = true
      return bootstrapped(made, from: settings.bootstrap, of: workload)
    }
  }

  /// Makes a covariate of a workload.
  package func make(_ covariate: CovariateConfiguration, of workload: WorkloadConfiguration) throws -> Covariate {
    switch covariate.values {
    case .source(let source):
      Covariate(name: covariate.name, values: .measured(try make(source, of: workload).source))
    case .schedule(_, let schedule): Covariate(name: covariate.name, values: .planned(schedule))
    }
  }

  /// Adds the past that a file has to a source without one.
  private func bootstrapped(
    _ made: Made, from location: BootstrappedSource.Location?, of workload: WorkloadConfiguration
  ) -> Made {
    guard let location, let base = made.source as? any IdentifiedSource else { return made }
    let source = BootstrappedSource(base, from: location, window: workload.window, client: client, clock: clock)
    var made = made
    made.source = source
    guard let probe = made.probe else { return made }
    made.probe = { [clock] limit in
      let remarks = try await probe(limit)
      let now = clock.now
      let past = try await source.past(in: now - workload.window..<now, step: workload.step)
      let count = past.count - past.missingCount
      return remarks + ["bootstrap: \(count) of the \(past.count) samples of the window, from \(location)"]
    }
    return made
  }

  /// Where a workload's own lead time comes from; nil when it has none.
  func leadTime(of workload: WorkloadConfiguration) -> LeadTimeRule? {
    switch workload.leadTime {
    case .fixed(let duration): .fixed(duration)
    case .query(let query):
      .measured(
        PodStartupQuery(endpoint: query.endpoint, query: query.text, client: client, logger: logger),
        pollingInterval: LeadTimeConfiguration.pollingInterval)
    case .pods(let target, let interval):
      cluster.map { .measured(PodReader($0, podsOf: target.resource, target.key), pollingInterval: interval) }
    case nil: nil
    }
  }

  /// Where the number of a workload's ready pods comes from: its query, else the Kubernetes API; nil when it is unknown.
  func realPods(of workload: WorkloadConfiguration) -> (any MetricSource)? {
    guard let query = workload.replicasQuery else {
      return pods(of: workload).map { CountedPods($0, at: countingPace) }
    }
    if let series = query.series {
      return sharedQueries.source(
        of: series.value, label: series.label, query: query.text, at: query.endpoint, step: workload.step,
        interval: workload.interval)
    }
    return PrometheusSource(endpoint: query.endpoint, query: query.text, client: client, logger: logger)
  }

  /// The source of a workload's own metric, without the samples of the time in which its pods start, where it is set so.
  func withoutStartingPods(_ made: Made, of workload: WorkloadConfiguration) -> Made {
    guard let base = made.source as? any IdentifiedSource, let starting = startingPods(of: workload) else {
      return made
    }
    var made = made
    made.source = StartingPodsFilter(base, of: workload.name, starting: starting, clock: clock, logger: logger)
    return made
  }

  private func startingPods(of workload: WorkloadConfiguration) -> (any MetricSource)? {
    switch workload.startingPods {
    case .query(let endpoint, let text, _):
      PrometheusSource(endpoint: endpoint, query: text, client: client, logger: logger)
    case .target:
      if let cluster, let target = workload.target {
        StartingPods(PodReader(cluster, podsOf: target.resource, target.key))
      } else {
        nil
      }
    case nil: nil
    }
  }

  /// Counts the pods of a workload's target; nil when the workload names none, or there is no cluster.
  func pods(of workload: WorkloadConfiguration) -> (any PodCounter)? {
    guard let cluster, let target = workload.target else { return nil }
    return PodReader(cluster, podsOf: target.resource, target.key)
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
      capacity: window.steps(of: step), client: client, clock: clock, logger: logger)
  }

  private func httpSource(_ settings: HTTPSourceConfiguration) throws -> HTTPSource {
    try HTTPSource(
      endpoint: settings.endpoint, method: settings.method.rawValue, body: settings.body,
      valuePath: settings.valuePath, timestampPath: settings.timestampPath, timestampFormat: settings.timestampFormat,
      variables: settings.templateVars.mapValues(\.text), client: client, clock: clock)
  }
}
