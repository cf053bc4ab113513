import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// KEDA's external scaler, answered from the snapshots in memory.
/// It runs on one event loop: a call reads a table that only this loop accesses, so it never waits. The owner applies the
/// store's updates with ``apply(_:)`` and calls ``refreshStreams()`` a few times per second, for changes that depend only on time.
final class ExternalScalerService: GRPCService {
  static let serviceName = "externalscaler.ExternalScaler"

  private(set) var table = SnapshotTable()
  private let codec = ExternalScalerCodec()
  private let defaults: ScalerDefaults
  private var leadTimes = LeadTimes()
  private let clock: any WallClock
  private let metrics: ScalerMetrics
  private let series: ScalerSeries
  private let logger: KedastralLogger
  private let record: ScalerRecord
  private let problem: @Sendable (String) -> String?
  private var beyondHorizonLog = LogThrottle(every: .seconds(600))
  private var streams: StateStreams

  init(
    defaults: ScalerDefaults, clock: any WallClock, metrics: MetricsRegistry, series: ScalerSeries,
    logger: KedastralLogger,
    record: ScalerRecord, problem: @escaping @Sendable (String) -> String?
  ) {
    self.defaults = defaults
    self.clock = clock
    self.metrics = ScalerMetrics(metrics, series)
    self.series = series
    self.logger = logger
    self.record = record
    self.problem = problem
    streams = StateStreams(gauge: self.metrics.streams)
  }

  let name = serviceName

  // The server owns the service, and its handlers end with it.
  private(set) lazy var methods: [GRPCMethod] = [
    GRPCMethod(
      "IsActive",
      .unary { [unowned self] request, response, _ throws(GRPCStatus) in
        let trigger = try trigger(of: codec.reference(request))
        try state(.activity, of: trigger, at: clock.now).append(to: &response)
      }),
    GRPCMethod(
      "GetMetricSpec",
      .unary { [unowned self] request, response, _ throws(GRPCStatus) in
        let trigger = try trigger(of: codec.reference(request))
        try state(.specification, of: trigger, at: clock.now).append(to: &response)
      }),
    GRPCMethod(
      "GetMetrics",
      .unary { [unowned self] request, response, trailers throws(GRPCStatus) in
        let request = try codec.metricsRequest(request)
        let trigger = try trigger(of: request.reference)
        let value = try metricValue(for: trigger, at: clock.now, noting: &trailers)
        let name = request.metricName.isEmpty ? trigger.effectiveMetricName : request.metricName
        ExternalScalerCodec.append(metric: name, value: value * trigger.scale, to: &response)
      }),
    GRPCMethod(
      "StreamIsActive",
      .serverStreaming { [unowned self] request, call throws(GRPCStatus) in
        try open(.activity, for: codec.reference(request), on: call)
      }),
    GRPCMethod(
      "StreamMetricSpec",
      .serverStreaming { [unowned self] request, call throws(GRPCStatus) in
        try open(.specification, for: codec.reference(request), on: call)
      }),
  ]

  // MARK: Changes

  /// Takes over a change of the store and tells the workload's streams.
  func apply(_ update: StoreUpdate) {
    let workload = update.workload.text
    let now = clock.now
    switch update {
    case .put(let snapshot):
      if let present = table[workload], present.generatedAt < snapshot.generatedAt {
        metrics.delay.observe(max(0, now.timeIntervalSince(snapshot.generatedAt)))
      }
    case .removed: metrics.remove(workload)
    }
    table.apply(update, at: now)
    streams.refresh(workload) { [unowned self] kind, trigger throws(GRPCStatus) in
      try state(kind, of: trigger, at: now)
    }
  }

  /// Tells every stream whose state has changed with the time: plans get stale, lead times reach new steps.
  func refreshStreams() {
    let now = clock.now
    record.forgetOld(at: now)
    metrics.removeUnused(at: now)
    streams.refreshAll { [unowned self] kind, trigger throws(GRPCStatus) in try state(kind, of: trigger, at: now) }
  }

  // MARK: Answers

  /// Reads a trigger; one that is well-formed names a workload, known or not.
  private func trigger(of reference: ScaledObjectReference) throws(GRPCStatus) -> Trigger {
    do throws(GRPCStatus) {
      let trigger = try Trigger(reference, defaultLeadTime: defaults.leadTime, leadTimes: &leadTimes)
      if table[trigger.workload] == nil { try checkName(trigger.workload) }
      if reference.hasUnknownKeys { record.noteUnknownKeys(of: reference) }
      return trigger
    } catch {
      record.refused(reference.metadata["workload"] ?? reference.name, .badTrigger, error, at: clock.now)
      throw error
    }
  }

  private func checkName(_ workload: String) throws(GRPCStatus) {
    guard !workload.isEmpty else {
      throw GRPCStatus(
        .invalidArgument, "the workload is missing: metadata workload and the ScaledObject's name are empty")
    }
    do {
      _ = try WorkloadName(workload)
    } catch {
      throw GRPCStatus(.invalidArgument, "\(error)")
    }
  }

  private func refusal(
    _ workload: String, _ reason: ScalerRecord.Reason, _ code: GRPCStatus.Code, _ message: String, at now: Date
  ) -> GRPCStatus {
    let status = GRPCStatus(code, message)
    record.refused(workload, reason, status, at: now)
    return status
  }

  private func snapshot(of trigger: Trigger, at now: Date) throws(GRPCStatus) -> Snapshot {
    guard let snapshot = table[trigger.workload] else {
      let cause = problem(trigger.workload).map { ": \($0)" } ?? ""
      throw refusal(
        trigger.workload, .noPlan, .notFound, "no forecast for workload '\(trigger.workload)'\(cause)", at: now)
    }
    guard !snapshot.isDryRun else {
      throw refusal(
        trigger.workload, .dryRun, .failedPrecondition,
        "workload '\(trigger.workload)' is a dry run: its plan is not served", at: now)
    }
    return snapshot
  }

  /// The value; of a forecast that is shorter than the lead time, `trailers` get its length, which a message has no field for.
  private func metricValue(
    for trigger: Trigger, at now: Date, noting trailers: inout GRPCFields
  ) throws(GRPCStatus) -> Double {
    if let headroom = trigger.headroom { return try placeholders(headroom, of: trigger, at: now) }
    let snapshot = try snapshot(of: trigger, at: now)
    let series = metrics.series(of: trigger.workload, at: now)
    series.age.set(max(0, now.timeIntervalSince(snapshot.generatedAt)))
    if let staleness = snapshot.staleness(at: now, limit: defaults.staleAfter) {
      throw refusal(
        trigger.workload, .stale, .unavailable,
        "the forecast of workload '\(trigger.workload)' is not served: \(staleness)", at: now)
    }
    let question = trigger.question(to: snapshot)
    guard let answer = snapshot.answer(question, at: now) else {
      throw refusal(
        trigger.workload, .noPlannedLoad, .failedPrecondition,
        "the forecast of workload '\(trigger.workload)' has no planned load and target per pod, which mode load requires; use mode replicas",
        at: now)
    }
    record.served(trigger.workload, mode: trigger.question.mode, at: now)
    if answer.isBeyondHorizon { noteBeyondHorizon(trigger, question, snapshot) }
    if snapshot.reach < question.leadTime {
      trailers.append((ForecastLength.field, ForecastLength.text(snapshot.reach)))
    }
    if trigger.question.mode == .replicas { series.replicas.set(answer.value) }
    return answer.value
  }

  /// The placeholder pods. A workload without a plan that is served adds none; without any such plan the call fails.
  private func placeholders(
    _ headroom: HeadroomQuestion, of trigger: Trigger, at now: Date
  ) throws(GRPCStatus) -> Double {
    let plans = headroom.members.compactMap { member -> HeadroomQuestion.Plan? in
      guard let snapshot = table[member.workload], !snapshot.isDryRun,
        snapshot.staleness(at: now, limit: defaults.staleAfter) == nil
      else { return nil }
      return HeadroomQuestion.Plan(
        snapshot: snapshot, pod: member.pod, leadTime: trigger.question(to: snapshot).leadTime)
    }
    guard !plans.isEmpty else {
      throw refusal(
        trigger.workload, .noPlan, .unavailable,
        "no workload of the headroom '\(trigger.workload)' has a plan that is served", at: now)
    }
    record.served(trigger.workload, mode: .replicas, at: now)
    return Double(headroom.placeholders(for: plans, at: now))
  }

  /// The specification depends on the trigger alone: while it failed, KEDA would neither fall back nor ask other triggers.
  private func state(_ kind: StateStreams.Kind, of trigger: Trigger, at now: Date) throws(GRPCStatus) -> ScalerState {
    switch kind {
    case .activity:
      if let headroom = trigger.headroom {
        let pods = try? placeholders(headroom, of: trigger, at: now)
        return .active((pods ?? 0) > 0)
      }
      return .active(isActive(trigger, try snapshot(of: trigger, at: now), at: now))
    case .specification: return .metric(name: trigger.effectiveMetricName, target: trigger.scale)
    }
  }

  private func isActive(_ trigger: Trigger, _ snapshot: Snapshot, at now: Date) -> Bool {
    guard snapshot.staleness(at: now, limit: defaults.staleAfter) == nil else { return false }
    guard let threshold = trigger.activationThreshold ?? snapshot.activationThreshold else { return true }
    return snapshot.expectedLoad(ahead: trigger.question(to: snapshot).leadTime, from: now) > threshold
  }

  private func noteBeyondHorizon(_ trigger: Trigger, _ question: ScalingQuestion, _ snapshot: Snapshot) {
    series.countBeyondHorizon(trigger.workload)
    guard beyondHorizonLog.admit(trigger.workload, at: .now) != nil else { return }
    logger.warn(
      "lead time reaches beyond the forecast; its end is used",
      [
        "workload": trigger.workload, "leadTime": DurationText.format(question.leadTime),
        "horizon": DurationText.format(snapshot.horizon),
      ])
  }

  // MARK: Streams

  private func open(
    _ kind: StateStreams.Kind, for reference: ScaledObjectReference, on call: GRPCCall
  ) throws(GRPCStatus) {
    let trigger = try trigger(of: reference)
    let state = try state(kind, of: trigger, at: clock.now)
    let identifier = streams.add(kind, trigger, call)
    call.onClose = { [unowned self] in streams.remove(identifier, of: trigger.workload) }
    streams.tell(state, to: identifier, of: trigger.workload)
  }
}
