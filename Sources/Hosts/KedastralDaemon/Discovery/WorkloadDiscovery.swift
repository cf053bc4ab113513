import Kedastral
import KedastralCore
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads the values of the labels of discoveries, and hands the workloads that they stand for to the roster.
actor WorkloadDiscovery {
  /// Reads the values of a discovery's label.
  typealias Read = @Sendable (DiscoveryConfiguration, Date) async throws -> LabelValues
  /// Replaces the discovered workloads.
  typealias Replace = @Sendable ([WorkloadConfiguration]) async throws -> ConfigurationChange

  private struct Entry {
    var settings: DiscoveryConfiguration
    var values = DiscoveredValues()
    var hasAnswer = false
    /// Whether the values are those of an earlier query, until the first response.
    var isCarried = false
    /// Why the last request failed, or found nothing.
    var problem: String?
    var loggedRefused: Set<String> = []
    var loggedOverLimit = 0
  }

  private var entries: [Entry]
  private var tasks: [Task<Void, Never>] = []
  private var isRunning = false
  /// The workloads that the roster has.
  private var published: [WorkloadConfiguration] = []
  private var hasLoggedReplacement = false
  private let read: Read
  private let replaceWorkloads: Replace
  private let report: @Sendable (String?) -> Void
  private let clock: any WallClock
  private let metrics: DiscoveryMetrics
  private let logger: KedastralLogger

  /// Creates discoveries that have not been read yet.
  ///
  /// - Parameters:
  ///   - read: sends a request.
  ///   - replace: replaces the discovered workloads.
  ///   - report: takes the reason why the process is not ready, or nil.
  init(
    _ settings: [DiscoveryConfiguration], read: @escaping Read, replace: @escaping Replace,
    report: @escaping @Sendable (String?) -> Void, clock: any WallClock, metrics: MetricsRegistry,
    logger: KedastralLogger
  ) {
    entries = settings.map { Entry(settings: $0) }
    self.read = read
    replaceWorkloads = replace
    self.report = report
    self.clock = clock
    self.metrics = DiscoveryMetrics(metrics)
    self.logger = logger
  }

  /// Discovers until the task is cancelled.
  func run() async {
    isRunning = true
    startAll()
    reportReadiness()
    while !Task.isCancelled { try? await clock.sleep(for: .seconds(86_400)) }
    isRunning = false
    for task in tasks { task.cancel() }
  }

  /// Takes other settings; the values that are known of an unchanged query and label stay.
  func replace(by settings: [DiscoveryConfiguration]) async {
    guard settings != entries.map(\.settings) else { return }
    let old = entries
    entries = settings.enumerated().map { index, new in
      var entry = Entry(settings: new)
      if let same = old.first(where: { $0.settings.hasSameValues(as: new) }) {
        entry = same
      } else if old.indices.contains(index) {
        // What a new query has is unknown until its first response, and workloads must not end meanwhile.
        (entry.values, entry.isCarried) = (old[index].values, true)
      }
      entry.settings = new
      entry.values.choose(new)
      return entry
    }
    for index in old.indices.dropFirst(entries.count) { metrics.forget(index) }
    for task in tasks { task.cancel() }
    if isRunning { startAll() }
    await publish()
    reportReadiness()
  }

  private func startAll() {
    tasks = entries.indices.map { index in
      Task { [interval = entries[index].settings.interval] in
        while !Task.isCancelled {
          await self.discover(index)
          do { try await clock.sleep(for: interval) } catch { return }
        }
      }
    }
  }

  private func discover(_ index: Int) async {
    let settings = entries[index].settings
    let result: Result<LabelValues, any Error>
    do { result = .success(try await read(settings, clock.now)) } catch { result = .failure(error) }
    // A reload may have replaced the settings meanwhile.
    guard !Task.isCancelled, entries.indices.contains(index), entries[index].settings == settings else { return }
    take(result, index)
    await publish()
    reportReadiness()
  }

  private func take(_ result: Result<LabelValues, any Error>, _ index: Int) {
    var entry = entries[index]
    let outcome: DiscoveredValues.Outcome
    let problem: String?
    switch result {
    case .success(let answer):
      if entry.isCarried, !answer.values.isEmpty { (entry.values, entry.isCarried) = (DiscoveredValues(), false) }
      outcome = entry.values.take(answer, entry.settings, at: clock.now)
      problem = outcome == .empty ? "no series has the label \(entry.settings.label)" : nil
      entry.hasAnswer = true
    case .failure(let error):
      outcome = .failure
      problem = "\(error)"
    }
    metrics.count(outcome, of: index)
    metrics.show(entry.values, of: index)
    let fields: KeyValuePairs = ["query": entry.settings.source.query, "label": entry.settings.label]
    if let problem, entry.problem == nil {
      logger.warn(
        "discovery found no workloads; those that are known stay",
        [
          "query": entry.settings.source.query, "workloads": "\(entry.values.workloads.count)", "error": problem,
        ])
    } else if problem == nil, entry.problem != nil {
      logger.info("discovery finds workloads again", fields)
    }
    entry.problem = problem
    logLeftOut(&entry)
    entries[index] = entry
  }

  private func logLeftOut(_ entry: inout Entry) {
    let refused = entry.values.refused.filter { entry.loggedRefused.insert($0).inserted }
    if let first = refused.first {
      logger.warn(
        "values of the label are not valid names of workloads and are left out; change them by label_replace",
        ["label": entry.settings.label, "first": first, "count": "\(refused.count)"])
    }
    entry.loggedRefused.formIntersection(entry.values.refused)
    let overLimit = entry.values.overLimit
    if overLimit.count != entry.loggedOverLimit, let first = overLimit.first {
      logger.warn(
        "more workloads are discovered than the limit; the last ones by name are left out",
        [
          "label": entry.settings.label, "limit": "\(entry.settings.limit)", "leftOut": "\(overLimit.count)",
          "first": first,
        ])
    }
    entry.loggedOverLimit = overLimit.count
  }

  /// Hands the workloads to the roster if they have changed. Of two with the same name the first discovery's counts.
  private func publish() async {
    var names: Set<WorkloadName> = []
    let new = entries.flatMap { entry in entry.values.workloads.compactMap(entry.settings.workload) }
      .filter { names.insert($0.name).inserted }
    guard new != published else { return }
    let before = published
    published = new
    do {
      _ = try await replaceWorkloads(new)
      let old = Set(before.map(\.name))
      logger.info(
        "discovered workloads have changed",
        [
          "workloads": "\(new.count)", "added": "\(names.subtracting(old).count)",
          "removed": "\(old.subtracting(names).count)",
        ])
      hasLoggedReplacement = false
    } catch {
      // The next response tries again.
      if published == new { published = before }
      logger.log(
        hasLoggedReplacement ? .debug : .error, "discovered workloads cannot be forecast", ["error": "\(error)"])
      hasLoggedReplacement = true
    }
  }

  private func reportReadiness() {
    guard published.isEmpty, let waiting = entries.first(where: { !$0.hasAnswer }) else { return report(nil) }
    let problem = waiting.problem.map { ": \($0)" } ?? ""
    report("the workloads of label \(waiting.settings.label) are not discovered yet\(problem)")
  }
}

/// The metrics of discoveries; each is named by its position in the file.
private struct DiscoveryMetrics: Sendable {
  private let registry: MetricsRegistry

  init(_ registry: MetricsRegistry) { self.registry = registry }

  private var requests: MetricFamily {
    registry.counter(
      "kedastral_discovery_requests_total",
      help:
        "Number of requests for the values of a discovery's label, by result; discovery is its position in the file.",
      labels: ["discovery", "result"])
  }

  private var workloads: MetricFamily {
    registry.gauge(
      "kedastral_discovery_workloads",
      help:
        "Discovered workloads: present and vanished ones are forecast, those over the limit and with invalid names are not.",
      labels: ["discovery", "state"])
  }

  func count(_ outcome: DiscoveredValues.Outcome, of index: Int) {
    let family = requests
    for result in DiscoveredValues.Outcome.allCases {
      family.with("\(index)", result.rawValue).increment(by: result == outcome ? 1 : 0)
    }
  }

  func show(_ values: DiscoveredValues, of index: Int) {
    let family = workloads
    for (state, count) in [
      ("present", values.workloads.count - values.vanishedCount), ("vanished", values.vanishedCount),
      ("over_limit", values.overLimit.count), ("invalid_name", values.refused.count),
    ] { family.with("\(index)", state).set(Double(count)) }
  }

  func forget(_ index: Int) {
    for result in DiscoveredValues.Outcome.allCases { requests.remove("\(index)", result.rawValue) }
    for state in ["present", "vanished", "over_limit", "invalid_name"] { workloads.remove("\(index)", state) }
  }
}
