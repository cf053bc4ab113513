/// Runs the forecast loops of many workloads side by side.
///
///     let forecaster = Forecaster(store: store, logger: logger)
///     await forecaster.run([apiApp, workerApp])   // until the task is cancelled
public actor Forecaster {
  private let store: any ForecastStore
  private let clock: any WallClock
  private let metrics: MetricsRegistry
  private let logger: Logger
  private let observer: (any ForecastObserver)?
  private var loops: [WorkloadName: ForecastLoop] = [:]

  /// Creates a forecaster without workloads.
  public init(
    store: any ForecastStore, clock: any WallClock = SystemWallClock(), metrics: MetricsRegistry = MetricsRegistry(),
    logger: Logger = .silent, observer: (any ForecastObserver)? = nil
  ) {
    self.store = store
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    self.observer = observer
  }

  /// The loop of a workload.
  public func loop(of workload: WorkloadName) -> ForecastLoop? { loops[workload] }

  /// Forecasts `workloads` until the task is cancelled; more than fifty begin spread over their interval.
  ///
  /// - Precondition: the names differ.
  public func run(_ workloads: [Workload]) async {
    for workload in workloads {
      precondition(loops[workload.name] == nil, "two workloads are named \(workload.name)")
      loops[workload.name] = ForecastLoop(
        workload, store: store, clock: clock, metrics: metrics, logger: logger, observer: observer)
    }
    await withDiscardingTaskGroup { group in
      for (index, workload) in workloads.enumerated() {
        guard let loop = loops[workload.name] else { continue }
        let share = workloads.count > 50 ? Double(index) / Double(workloads.count) : 0
        group.addTask { await loop.run(startDelay: workload.interval * share) }
      }
    }
    for workload in workloads { loops[workload.name] = nil }
  }
}
