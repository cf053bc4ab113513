import FoundationEssentials
import KedastralCore

/// A store of one's own, as small as can be: prints each plan.
struct PrintingStore: ForecastStore {
  func put(_ snapshot: Snapshot) -> PutOutcome {
    print(
      "\(snapshot.workload): load \(snapshot.values.prefix(12).map(Int.init)), replicas \(snapshot.desiredReplicas.prefix(12))"
    )
    return .stored
  }
  func get(_ workload: WorkloadName) -> Snapshot? { nil }
  func list() -> [WorkloadName] { [] }
  func remove(_ workload: WorkloadName) {}
  func updates() -> AsyncStream<StoreUpdate> { AsyncStream { $0.finish() } }
}

let workload = try Workload(
  "mail-queue", metric: "messages waiting", source: QueueDepth(), model: SamePhase(period: 10),
  policy: BatchWorkers(targetPerPod: 50, batch: 4), horizon: .seconds(20 * 60), window: .seconds(3600))
try await ForecastLoop(workload, store: PrintingStore()).tick()
