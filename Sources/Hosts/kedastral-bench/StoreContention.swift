import FoundationEssentials
import KedastralCore
import KedastralMemoryStore

/// Whether readers of the memory store hold each other up: the same reads by one task and by two at once.
enum StoreContention {
  private static let workloads = 1000
  private static let reads = 2_000_000

  static func run() async throws {
    let store = MemoryStore()
    let names = try (0..<workloads).map { try WorkloadName("workload-\($0)") }
    for name in names {
      await store.put(
        try Snapshot(
          workload: name, metric: "rps", generatedAt: Date(), step: .seconds(60), horizon: .seconds(60), values: [1],
          desiredReplicas: [1]))
    }
    for readers in [1, 2] {
      let begin = ContinuousClock.now
      await withTaskGroup(of: Void.self) { group in
        for reader in 0..<readers {
          group.addTask {
            for index in 0..<reads { _ = await store.get(names[(index &* 7 &+ reader) % workloads]) }
          }
        }
      }
      let seconds = (ContinuousClock.now - begin).inSeconds
      print("\(readers) reader(s): \(Int(Double(reads * readers) / seconds)) reads/s")
    }
  }
}
