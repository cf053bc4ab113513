/// Runs the forecast loops of many workloads concurrently.
///
///     let forecaster = Forecaster(store: store, logger: logger)
///     await forecaster.run([apiApp, workerApp])   // until the task is cancelled
public actor Forecaster {
  private struct Running {
    let loop: ForecastLoop
    let task: Task<Void, Never>
  }

  private let store: any ForecastStore
  private let clock: any WallClock
  private let metrics: MetricsRegistry
  private let logger: KedastralLogger
  private let observer: (any ForecastObserver)?
  private let faults: FaultLog
  /// What the plans were worth.
  package nonisolated let scorecards: Scorecards
  private let learning: LearningQueue
  private var running: [WorkloadName: Running] = [:]

  /// Creates a forecaster without workloads.
  ///
  /// - Parameters:
  ///   - store: where the plans go.
  ///   - clock: the source of time.
  ///   - logger: receives log lines.
  public init(store: any ForecastStore, clock: any WallClock = SystemWallClock(), logger: KedastralLogger = .silent) {
    self.init(store: store, clock: clock, metrics: MetricsRegistry(), logger: logger)
  }

  /// Creates a forecaster without workloads, with what a service observes it by.
  package init(
    store: any ForecastStore, clock: any WallClock = SystemWallClock(), metrics: MetricsRegistry,
    logger: KedastralLogger = .silent, observer: (any ForecastObserver)? = nil, scorecards: Scorecards = Scorecards()
  ) {
    self.store = store
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    self.observer = observer
    faults = FaultLog(logger)
    self.scorecards = scorecards
    learning = LearningQueue(clock: clock, logger: logger)
  }

  /// The loop of a running workload.
  public func loop(of workload: WorkloadName) -> ForecastLoop? { running[workload]?.loop }

  /// Forecasts `workloads` until the task is cancelled.
  ///
  /// - Precondition: the names differ.
  public func run(_ workloads: [Workload]) async {
    start(workloads)
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(86_400)) }
    await stopAll()
  }

  /// Starts the loops of those `workloads` that do not run yet; more than fifty are spread over their interval.
  /// - Parameter store: the store of their plans, if different from the forecaster's store.
  public func start(_ workloads: [Workload], into store: (any ForecastStore)? = nil) {
    let new = workloads.filter { running[$0.name] == nil }
    learning.begins(new.map(\.name))
    for (index, workload) in new.enumerated() {
      let loop = ForecastLoop(
        workload, store: store ?? self.store, clock: clock, metrics: metrics, logger: logger, observer: observer,
        faults: faults, learning: learning, scorecards: scorecards)
      let share = new.count > 50 ? Double(index) / Double(new.count) : 0
      let task = Task { await loop.run(startDelay: workload.interval * share) }
      running[workload.name] = Running(loop: loop, task: task)
    }
  }

  /// Stops the loops of all workloads for which `isKept` is false, and waits until they have ended.
  public func stop(except isKept: (WorkloadName) -> Bool) async {
    let stopped = running.filter { !isKept($0.key) }
    for (name, loop) in stopped {
      loop.task.cancel()
      running[name] = nil
    }
    for loop in stopped.values { await loop.task.value }
  }

  /// Stops all loops and waits until they have ended.
  public func stopAll() async { await stop { _ in false } }
}
