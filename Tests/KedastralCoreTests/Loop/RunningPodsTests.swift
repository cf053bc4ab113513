import Foundation
import KedastralCore
import KedastralTesting
import Synchronization
import Testing

@Suite("Plans that start from the pods that run")
struct RunningPodsTests {
  private let clock = ManualClock(at: Date(timeIntervalSince1970: 1_769_860_800))
  private let store = RecordingStore()
  private let pods = Counter(20)

  /// Counts how often it was requested.
  private final class Counter: PodCounter {
    struct Refused: Error {}

    private let state: Mutex<(replicas: Int?, requests: Int)>

    init(_ replicas: Int?) { state = Mutex((replicas, 0)) }

    var requests: Int { state.withLock { $0.requests } }

    func set(_ replicas: Int?) { state.withLock { $0.replicas = replicas } }

    func runningPods() async throws -> RunningPods {
      let replicas = state.withLock {
        $0.requests += 1
        return $0.replicas
      }
      guard let replicas else { throw Refused() }
      return RunningPods(replicas: replicas, ready: replicas)
    }
  }

  private struct Constant: Model {
    let name = "constant"
    func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
      let values = Array(repeating: history.values[history.count - 1], count: steps)
      return Forecast(start: history.end, step: history.step, values: values, model: name)
    }
  }

  private func loop(load: Double = 30, store: RecordingStore? = nil) throws -> ForecastLoop {
    var workload = Workload(
      name: try WorkloadName("web"), metric: "rps", source: ScriptedSource { _ in load }, model: Constant(),
      policy: try StandardCapacityPolicy(
        targetPerPod: 10, headroom: 1, maxReplicas: 100, upMaxFactor: 2, downMaxPercent: 50),
      horizon: .seconds(600), window: .seconds(3600))
    workload.pods = pods
    return ForecastLoop(workload, store: store ?? self.store, clock: clock)
  }

  @Test("a first plan starts from the pods that run, within the limits of change")
  func firstPlan() async throws {
    let falling = try await loop().tick()
    #expect(falling.desiredReplicas.prefix(4) == [10, 5, 3, 3])
    #expect(falling.capacityState?.replicas == 20)
    pods.set(2)
    #expect(try await loop(load: 300, store: RecordingStore()).tick().desiredReplicas.prefix(5) == [4, 8, 16, 30, 30])
  }

  @Test("later plans start from the previous one, and request no pods")
  func laterPlans() async throws {
    let loop = try loop()
    try await loop.tick()
    pods.set(90)
    clock.advance(by: .seconds(60))
    #expect(try await loop.tick().desiredReplicas.prefix(2) == [5, 3])
    #expect(pods.requests == 1)
  }

  @Test("a plan that is still served is resumed; after one that is not, the pods count")
  func restart() async throws {
    try await loop().tick()
    pods.set(90)
    clock.advance(by: .seconds(60))
    #expect(try await loop().tick().desiredReplicas.prefix(2) == [5, 3])
    clock.advance(by: .seconds(600))
    #expect(try await loop().tick().desiredReplicas.prefix(3) == [45, 23, 12])
    #expect(pods.requests == 2)
  }

  @Test("pods that cannot be counted leave the first plan without limits of change")
  func refused() async throws {
    pods.set(nil)
    #expect(try await loop().tick().desiredReplicas.prefix(2) == [3, 3])
  }

  @Test("a count says how many pods are ready and how many start")
  func text() {
    #expect("\(RunningPods(replicas: 20, ready: 18))" == "20 (18 ready, 2 starting)")
    #expect("\(RunningPods(replicas: 20))" == "20")
  }
}
