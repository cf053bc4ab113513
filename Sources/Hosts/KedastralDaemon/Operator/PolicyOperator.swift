import KedastralCore
import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Forecasts the ForecastPolicies of a cluster: reads objects, hands workloads to the roster, and writes ScaledObjects, statuses
/// and events.
///
/// All decisions are those of ``PolicyReconciler``; this is the I/O around it.
actor PolicyOperator {
  /// What the operator needs of the forecaster.
  struct Forecaster: Sendable {
    /// Forecasts other workloads of policies from now on.
    var replace: @Sendable ([WorkloadConfiguration]) async throws -> Void
    /// Why a workload cannot be made of its settings; nil when it can.
    var check: @Sendable (WorkloadConfiguration) -> String?
    /// The names of the workloads that do not come from policies.
    var reserved: @Sendable () async -> Set<WorkloadName>
    var observe: @Sendable (WorkloadName) -> PlanObservation
    /// Whether this process forecasts a workload.
    var forecasts: @Sendable (WorkloadName) -> Bool
    /// Whether forecasters share the workloads, so that each writes for its own.
    var sharesWorkloads: Bool
    /// Reports whether the objects are known, for the readiness.
    var report: @Sendable (String?) -> Void
  }

  /// How often plans are compared with what has been written.
  private static let observationInterval = Duration.seconds(5)
  /// How long changes are collected before they are applied.
  private static let settleTime = Duration.milliseconds(200)
  /// Comparing all policies with what has been written costs time that grows with their number; so much longer is the pause after
  /// it, and never longer than the interval.
  private static let restFactor = 9
  private static let concurrentRequests = 8

  private let client: KubernetesClient
  private let namespace: String?
  private let forecaster: Forecaster
  private let shares: OperatorShares
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let writes: MetricFamily
  private let policies: MetricFamily
  private var reconciler: PolicyReconciler
  private var hasNews = true
  private var isActing = false
  private var observedAt: Date?
  /// How long the latest comparison took.
  private var workTime = Duration.zero
  private var interrupted: [String: String] = [:]

  /// - Parameter namespace: the namespace whose policies are forecast; nil for all.
  init(
    _ client: KubernetesClient, namespace: String?, settings: PolicyReconciler.Settings, forecaster: Forecaster,
    identity: String, leaseDuration: Duration = .seconds(12), clock: any WallClock, metrics: MetricsRegistry,
    logger: KedastralLogger
  ) {
    self.client = client
    self.namespace = namespace
    self.forecaster = forecaster
    self.clock = clock
    self.logger = logger
    reconciler = PolicyReconciler(settings, seesClusterSources: namespace == nil)
    let suffix = namespace.map { "-\($0)" } ?? ""
    shares = OperatorShares(
      client, key: ObjectKey(namespace: client.access.namespace, name: "kedastral-operator\(suffix)"),
      identity: identity, duration: leaseDuration, clock: clock, logger: logger)
    writes = metrics.counter(
      "kedastral_operator_writes_total", help: "Number of writes to the Kubernetes API, by kind and result.",
      labels: ["kind", "result"])
    policies = metrics.gauge(
      "kedastral_operator_policies", help: "Number of ForecastPolicies, by whether their settings are valid.",
      labels: ["state"])
  }

  /// Works until the task is cancelled.
  func run() async {
    forecaster.report(reconciler.missingLists)
    await withDiscardingTaskGroup { group in
      group.addTask { [shares] in await shares.run() }
      group.addTask { [self] in await follow(ForecastPolicy.self) { $0.handle($1, at: $2) } }
      group.addTask { [self] in await follow(DataSource.self) { $0.handle($1, at: $2) } }
      if namespace == nil {
        group.addTask { [self] in await follow(ClusterDataSource.self) { $0.handle($1, at: $2) } }
      }
      group.addTask { [self] in await follow(ScaledObject.self) { reconciler, event, _ in reconciler.handle(event) } }
      group.addTask { [self] in await follow(Autoscaler.self) { reconciler, event, _ in reconciler.handle(event) } }
      group.addTask { [self] in
        await follow(HeadroomPolicy.self) { reconciler, event, _ in reconciler.handle(event) }
      }
      group.addTask { [self] in await reconcileRepeatedly() }
    }
  }

  private func follow<Object: KubernetesObject>(
    _ type: Object.Type,
    _ handle: @Sendable (inout PolicyReconciler, ObjectFeed<Object>.Event, Date) -> Void
  ) async {
    let feed = client.feed(type, namespace: Object.resource == ClusterDataSource.resource ? nil : namespace)
    do {
      for try await event in feed {
        log(event)
        handle(&reconciler, event, clock.now)
        hasNews = true
      }
    } catch {
      // It ends by cancellation alone.
    }
  }

  private func log<Object: KubernetesObject>(_ event: ObjectFeed<Object>.Event) {
    let name = Object.resource.plural
    switch event {
    case .interrupted(let error):
      if interrupted[name] != "\(error)" { logger.warn("cannot follow objects", ["type": name, "error": "\(error)"]) }
      interrupted[name] = "\(error)"
    case .unreadable(let object):
      logger.warn(
        "an object cannot be read", ["type": name, "object": "\(object.key, default: "?")", "error": object.problem])
    case .listed, .changed, .removed:
      if interrupted.removeValue(forKey: name) != nil { logger.info("objects are followed again", ["type": name]) }
    }
  }

  private func reconcileRepeatedly() async {
    await withDiscardingTaskGroup { group in
      while (try? await clock.sleep(for: Self.settleTime)) != nil {
        let now = clock.now
        let pause = hasNews ? min(Self.observationInterval, workTime * Self.restFactor) : Self.observationInterval
        let age = observedAt.map { now.timeIntervalSince($0) } ?? .infinity
        // A clock that was set back must not stop it.
        guard age >= pause.inSeconds || age < 0 else { continue }
        hasNews = false
        observedAt = now
        let began = ContinuousClock.now
        await updateWorkloads()
        guard !isActing else { continue }
        let actions = reconciler.actions(surroundings, at: clock.now)
        workTime = ContinuousClock.now - began
        guard !actions.isEmpty else { continue }
        isActing = true
        group.addTask { [self] in
          await perform(actions)
          await finishActing()
        }
      }
    }
  }

  private var surroundings: PolicyReconciler.Surroundings {
    let owns = ownership
    return PolicyReconciler.Surroundings(observe: forecaster.observe, owns: { owns("\($0)", $1) }) { source, workload in
      owns("\(source.resource.plural)/\(source.key)", workload)
    }
  }

  /// Which objects this process writes. Where the forecasts are shared, each forecaster writes for the workloads that it forecasts;
  /// else all know all plans, and share the objects.
  private var ownership: @Sendable (String, WorkloadName?) -> Bool {
    let share = shares.current
    return { [forecaster] key, workload in
      if let workload, forecaster.sharesWorkloads { return forecaster.forecasts(workload) }
      return share.owns(key: key)
    }
  }

  private func updateWorkloads() async {
    reconciler.reserve(await forecaster.reserved())
    if let workloads = reconciler.reconcileWorkloads(check: forecaster.check, at: clock.now) {
      do {
        try await forecaster.replace(workloads)
      } catch {
        logger.error("the workloads of policies cannot be forecast", ["error": "\(error)"])
      }
    }
    let counts = reconciler.counts
    policies.with("valid").set(Double(counts.valid))
    policies.with("invalid").set(Double(counts.invalid))
    forecaster.report(reconciler.missingLists)
  }

  private func finishActing() {
    isActing = false
    hasNews = true
  }

  /// Sends requests, several at a time, in their order.
  private func perform(_ actions: [PolicyReconciler.Action]) async {
    await withTaskGroup(of: Void.self) { group in
      for (index, action) in actions.enumerated() {
        if index >= Self.concurrentRequests { await group.next() }
        group.addTask { [self] in await perform(action) }
      }
    }
  }

  private nonisolated func perform(_ action: PolicyReconciler.Action) async {
    switch action {
    case .apply(let key, let body, let isOwn):
      let error = await attempt("scaledobject") {
        // What belongs to the policy says what the policy says; another object is not taken over.
        try await client.apply(ScaledObject.resource, key, body, force: isOwn)
      }
      await note { $0.scalingRequestEnded(key, error: error) }
    case .delete(let key, let uid):
      let error = await attempt("scaledobject") { try await client.delete(ScaledObject.resource, key, uid: uid) }
      await note { $0.scalingRequestEnded(key, error: error) }
    case .changeMinimum(let autoscaler, let change):
      let error = await attempt("autoscaler") { try await client.change(autoscaler, change) }
      await note { $0.minimumRequestEnded(autoscaler.key, error: error) }
    case .status(let key, let status, let version):
      let error = await attempt("status") {
        // The version keeps a process that was paused from overwriting what the next owner has written.
        try await client.patchStatus(ForecastPolicy.resource, key, status, resourceVersion: version)
      }
      if let error { await note { $0.statusWriteFailed(key, isConflict: error.status == 409) } }
    case .sourceStatus(let reference, let status, let version):
      let error = await attempt("status") {
        try await client.patchStatus(reference.resource, reference.key, status, resourceVersion: version)
      }
      if error != nil { await note { $0.sourceStatusWriteFailed(reference) } }
    case .headroomStatus(let key, let status, let version):
      let error = await attempt("status") {
        try await client.patchStatus(HeadroomPolicy.resource, key, status, resourceVersion: version)
      }
      if error != nil { await note { $0.headroomStatusWriteFailed(key) } }
    case .event(let event):
      _ = await attempt("event") { try await client.create(ObjectEvent.resource, namespace: event.namespace, event) }
    case .readCredentials(let reference, let references):
      do {
        let credentials = try await SourceCredentialsReader(client: client).read(reference, references)
        await note { $0.credentialsRead(reference, of: references, .success(credentials)) }
      } catch let error as KubernetesError {
        await note { $0.credentialsRead(reference, of: references, .failure(error)) }
      } catch {}
    case .readReplicas(let key, let target):
      let replicas = try? await client.scale(of: target.resource, target.key).replicas
      let bounded = replicas.map { RunningPods(replicas: $0).bounded }
      await note { [clock] in $0.replicasRead(key, bounded, at: clock.now) }
    }
  }

  private nonisolated func attempt(_ kind: String, _ send: () async throws -> Void) async -> KubernetesError? {
    do {
      try await send()
      writes.with(kind, "success").increment()
      return nil
    } catch let error as KubernetesError {
      writes.with(kind, "failure").increment()
      // What was deleted meanwhile does not matter, and what was changed meanwhile is written again.
      if error.status != 404, !(["status", "autoscaler"].contains(kind) && error.status == 409) {
        logger.warn("cannot write to the cluster", ["error": "\(error)"])
      }
      return error
    } catch { return nil }
  }

  private func note(_ change: @Sendable (inout PolicyReconciler) -> Void) { change(&reconciler) }
}
