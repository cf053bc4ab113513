import FoundationEssentials
import Glibc
import KedastralCore
import KedastralMemoryStore
import KedastralModels
import KedastralTesting

/// What one forecast round costs a workload with a week of minutes: collect (from memory), forecast, plan, store.
enum LoopCost {
  private static let historyMinutes = 10_080
  private static let rounds = 60

  static func run(_ arguments: [String]) async throws {
    let count = arguments.first.flatMap { Int($0) } ?? 20
    let model: any Model = arguments.dropFirst().first == "baseline" ? SeasonalBaseline() : AutoModel()
    let clock = ManualClock(at: Date(timeIntervalSince1970: 1_769_904_000))
    let store = MemoryStore(clock: clock)
    let loops = try (0..<count).map { try loop($0, model, store, clock) }
    let memoryBefore = residentBytes()

    let first = try await cpuMilliseconds { for loop in loops { try await loop.tick() } }
    print("first round (fit included): \(rounded(first / Double(count))) ms CPU per workload")

    var costs: [Double] = []
    for _ in 0..<rounds {
      clock.advance(by: .seconds(60))
      costs.append(try await cpuMilliseconds { for loop in loops { try await loop.tick() } } / Double(count))
    }
    costs.sort()
    print(
      "steady round: mean \(rounded(costs.reduce(0, +) / Double(rounds))) ms, median \(rounded(costs[rounds / 2])) ms,",
      "largest \(rounded(costs[rounds - 1])) ms CPU per workload")
    print("memory: \((residentBytes() - memoryBefore) / count / 1024) KiB per workload")
  }

  private static func loop(
    _ index: Int, _ model: any Model, _ store: MemoryStore, _ clock: ManualClock
  ) throws -> ForecastLoop {
    let pattern = LoadPattern.doublePeak(base: 100, peak: 700)
    let source = ScriptedSource { instant in
      let minute = Int(instant.timeIntervalSince1970 / 60)
      var generator = SeededGenerator(seed: UInt64(minute &* 31 &+ index))
      return pattern.load(at: instant) * Double.random(in: 0.9...1.1, using: &generator)
    }
    let workload = Workload(
      name: try WorkloadName("workload-\(index)"), metric: "rps", source: source, model: model,
      policy: try StandardCapacityPolicy(targetPerPod: 50), horizon: .seconds(3600),
      window: .seconds(historyMinutes * 60))
    return ForecastLoop(workload, store: store, clock: clock)
  }

  private static func cpuMilliseconds(_ work: () async throws -> Void) async rethrows -> Double {
    let begin = clock()
    try await work()
    return Double(clock() - begin) / Double(CLOCKS_PER_SEC) * 1000
  }

  private static func residentBytes() -> Int {
    let statm = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let fields = statm.split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
