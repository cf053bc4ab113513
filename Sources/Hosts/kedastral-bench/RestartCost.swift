import FoundationEssentials
import Glibc
import KedastralCore
import KedastralMemoryStore
import KedastralModels
import KedastralNet
import KedastralRedisStore
import KedastralTesting
import Synchronization

/// What the first round of a restarted forecaster costs workloads with eight days of minutes, cold and from the stored history.
///
/// The source is a double in this process, so the time of a real source's responses is not part of it. Up to 200 workloads have
/// their own load and are fitted; the others get copies of what these have stored.
enum RestartCost {
  private static let windowMinutes = 11_520
  private static let mostDistinct = 200

  static func run(_ arguments: [String]) async throws {
    let count = arguments.first.flatMap { Int($0) } ?? 200
    let port = arguments.dropFirst().first.flatMap { UInt16($0) }
    let distinct = min(count, mostDistinct)
    let clock = ManualClock(at: Date(timeIntervalSince1970: 1_769_904_000))
    let store: any ForecastStore & HistoryStore
    if let port {
      store = try await RedisStore(
        .init(server: .network(host: "127.0.0.1", port: port)), on: try EventLoop(), logger: .silent)
    } else {
      store = MemoryStore(clock: clock)
    }
    let requested = RequestedSamples()
    func loops(_ range: Range<Int>) throws -> [ForecastLoop] {
      try range.map { index in
        let source = IdentifiedScript(requested.source(of: index % distinct), identity: "\(index % distinct)")
        let workload = Workload(
          name: try WorkloadName("workload-\(index)"), metric: "rps", source: source, model: AutoModel(),
          policy: try StandardCapacityPolicy(targetPerPod: 50), horizon: .seconds(3600),
          window: .seconds(windowMinutes * 60))
        return ForecastLoop(workload, store: store, clock: clock)
      }
    }
    do {
      let first = try loops(0..<distinct)
      print("cold, \(distinct) workloads: \(try await round(first, requested))")
      // The state is due after ten minutes at the latest, and then two chunks are written per round.
      for _ in 0..<18 {
        clock.advance(by: .seconds(60))
        _ = try await round(first, requested)
      }
      clock.advance(by: .seconds(60))
      print("steady, \(distinct) workloads: \(try await round(first, requested))")
    }
    var bytes = 0
    for index in 0..<distinct {
      let parts = try await store.history(of: try WorkloadName("workload-\(index)"))
      bytes += parts.values.reduce(0) { $0 + $1.count }
      guard distinct < count else { continue }
      let state = try await store.state(of: try WorkloadName("workload-\(index)"))
      for copy in stride(from: index + distinct, to: count, by: distinct) {
        let name = try WorkloadName("workload-\(copy)")
        try await store.putHistory(parts, of: name, lifetime: .seconds(9 * 86_400))
        if let state { try await store.putState(state, of: name) }
      }
    }
    print("stored history and fit: \(bytes / distinct) bytes per workload")
    clock.advance(by: .seconds(60))
    let restarted = try loops(0..<count)
    print("restarted, \(count) workloads: \(try await round(restarted, requested))")
    clock.advance(by: .seconds(60))
    print("next round, \(count) workloads: \(try await round(restarted, requested))")
  }

  /// One round of all loops at once, as text: CPU and samples requested per workload, and the time until all plans are stored.
  private static func round(_ loops: [ForecastLoop], _ requested: RequestedSamples) async throws -> String {
    let (begin, cpu, samples) = (ContinuousClock.now, clock(), requested.count)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for loop in loops { group.addTask { try await loop.tick() } }
      try await group.waitForAll()
    }
    let milliseconds = Double(clock() - cpu) / Double(CLOCKS_PER_SEC) * 1000 / Double(loops.count)
    let seconds = (ContinuousClock.now - begin).inSeconds
    let each = (requested.count - samples) / loops.count
    return
      "\((milliseconds * 100).rounded() / 100) ms CPU and \(each) samples requested per workload, all stored after \((seconds * 100).rounded() / 100) s"
  }
}

/// Makes loads, and counts the samples that are requested of them.
private final class RequestedSamples: Sendable {
  private let requested = Atomic(0)
  private let pattern = LoadPattern.doublePeak(base: 100, peak: 700)

  var count: Int { requested.load(ordering: .relaxed) }

  func source(of index: Int) -> ScriptedSource {
    ScriptedSource { [self] instant in
      requested.add(1, ordering: .relaxed)
      let minute = Int(instant.timeIntervalSince1970 / 60)
      var generator = SeededGenerator(seed: UInt64(minute &* 31 &+ index))
      return pattern.load(at: instant) * Double.random(in: 0.9...1.1, using: &generator)
    }
  }
}
