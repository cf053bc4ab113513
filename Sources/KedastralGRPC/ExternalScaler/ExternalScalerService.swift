import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// KEDA's external scaler, answered from the snapshots in memory.
///
/// It lives on one event loop: a call reads a table that nobody else touches, so it waits for nothing. The owner applies the
/// store's updates with ``apply(_:)`` and calls ``refreshStreams()`` a few times a second, for what changes with time alone.
final class ExternalScalerService: GRPCService {
  static let serviceName = "externalscaler.ExternalScaler"

  private(set) var table = SnapshotTable()
  private let codec = ExternalScalerCodec()
  private let defaults: ScalerDefaults
  private let staleAfterSeconds: Double
  private var leadTimes = LeadTimes()
  private let clock: any WallClock
  private let metrics: ScalerMetrics
  private let logger: Logger
  private var beyondHorizonLog = LogThrottle(every: .seconds(600))
  private var streams: StateStreams

  init(defaults: ScalerDefaults, clock: any WallClock, metrics: MetricsRegistry, logger: Logger) {
    self.defaults = defaults
    staleAfterSeconds = defaults.staleAfter.inSeconds
    self.clock = clock
    self.metrics = ScalerMetrics(metrics)
    self.logger = logger
    streams = StateStreams(gauge: self.metrics.streams)
  }

  let name = serviceName

  // The server owns the service, and its handlers end with it.
  private(set) lazy var methods: [GRPCMethod] = [
    GRPCMethod(
      "IsActive",
      .unary { [unowned self] request, response throws(GRPCStatus) in
        let trigger = try trigger(of: codec.reference(request))
        try state(.activity, of: trigger, at: clock.now).append(to: &response)
      }),
    GRPCMethod(
      "GetMetricSpec",
      .unary { [unowned self] request, response throws(GRPCStatus) in
        let trigger = try trigger(of: codec.reference(request))
        try state(.specification, of: trigger, at: clock.now).append(to: &response)
      }),
    GRPCMethod(
      "GetMetrics",
      .unary { [unowned self] request, response throws(GRPCStatus) in
        let request = try codec.metricsRequest(request)
        let trigger = try trigger(of: request.reference)
        let value = try metricValue(for: trigger, at: clock.now)
        let name = request.metricName.isEmpty ? trigger.effectiveMetricName : request.metricName
        ExternalScalerCodec.append(metric: name, value: value, to: &response)
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
    streams.refreshAll { [unowned self] kind, trigger throws(GRPCStatus) in try state(kind, of: trigger, at: now) }
  }

  // MARK: Answers

  private func trigger(of reference: ScaledObjectReference) throws(GRPCStatus) -> Trigger {
    try Trigger(reference, defaultLeadTime: defaults.leadTime, leadTimes: &leadTimes)
  }

  private func snapshot(of trigger: Trigger) throws(GRPCStatus) -> Snapshot {
    if let snapshot = table[trigger.workload] {
      guard !snapshot.isDryRun else {
        throw GRPCStatus(.failedPrecondition, "workload '\(snapshot.workload)' is a dry run: its plan is not served")
      }
      return snapshot
    }
    guard !trigger.workload.isEmpty else {
      throw GRPCStatus(
        .invalidArgument, "no workload is named: metadata workload and the ScaledObject's name are empty")
    }
    do {
      throw GRPCStatus(.notFound, "no forecast for workload '\(try WorkloadName(trigger.workload))'")
    } catch let error as InvalidWorkloadName {
      throw GRPCStatus(.invalidArgument, error.description)
    } catch let error as GRPCStatus {
      throw error
    } catch {
      throw GRPCStatus(.internal, "\(error)")
    }
  }

  private func metricValue(for trigger: Trigger, at now: Date) throws(GRPCStatus) -> Double {
    let snapshot = try snapshot(of: trigger)
    let metrics = metrics[trigger.workload]
    let ageSeconds = now.timeIntervalSince(snapshot.generatedAt)
    metrics.age.set(max(0, ageSeconds))
    guard isFresh(ageSeconds) else {
      let distance = DurationText.format(.seconds(ageSeconds.magnitude))
      throw GRPCStatus(
        .unavailable,
        "the forecast of workload '\(trigger.workload)' is \(distance) \(ageSeconds < 0 ? "ahead of this clock" : "old"); it is stale after \(DurationText.format(defaults.staleAfter))"
      )
    }
    let answer = try answer(trigger, from: snapshot, at: now)
    if answer.isBeyondHorizon { noteBeyondHorizon(trigger, snapshot) }
    if trigger.question.mode == .replicas { metrics.replicas.set(answer.value) }
    return answer.value
  }

  /// A plan that is dated far ahead is as little use as an old one: somebody's clock is wrong, and nobody knows whose.
  private func isFresh(_ ageSeconds: Double) -> Bool { ageSeconds.magnitude <= staleAfterSeconds }

  private func answer(_ trigger: Trigger, from snapshot: Snapshot, at now: Date) throws(GRPCStatus) -> ScalingAnswer {
    if let answer = snapshot.answer(trigger.question, at: now) { return answer }
    throw GRPCStatus(
      .failedPrecondition,
      "the forecast of workload '\(trigger.workload)' holds no planned load and target per pod, which mode load needs; use mode replicas"
    )
  }

  private func state(_ kind: StateStreams.Kind, of trigger: Trigger, at now: Date) throws(GRPCStatus) -> ScalerState {
    let snapshot = try snapshot(of: trigger)
    switch kind {
    case .activity: return .active(isActive(trigger, snapshot, at: now))
    case .specification:
      let target = try answer(trigger, from: snapshot, at: now).target
      return .metric(name: trigger.effectiveMetricName, target: target)
    }
  }

  private func isActive(_ trigger: Trigger, _ snapshot: Snapshot, at now: Date) -> Bool {
    guard isFresh(now.timeIntervalSince(snapshot.generatedAt)) else { return false }
    guard let threshold = trigger.activationThreshold ?? snapshot.activationThreshold else { return true }
    // A foreign writer may have stored the forecast alone; then that is the load to expect.
    var plan = snapshot
    if plan.plannedLoad.isEmpty { plan.plannedLoad = plan.values }
    plan.targetPerPod = 1
    let question = ScalingQuestion(leadTime: trigger.question.leadTime, mode: .load)
    return plan.answer(question, at: now).map { $0.value > threshold } ?? true
  }

  private func noteBeyondHorizon(_ trigger: Trigger, _ snapshot: Snapshot) {
    metrics.countBeyondHorizon(trigger.workload)
    guard beyondHorizonLog.admit(trigger.workload, at: .now) != nil else { return }
    logger.warn(
      "lead time reaches beyond the forecast; its end is used",
      [
        "workload": trigger.workload, "leadTime": DurationText.format(trigger.question.leadTime),
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
