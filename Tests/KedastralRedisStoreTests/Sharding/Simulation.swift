import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import Testing

@testable import KedastralRedisStore

/// Several forecaster processes around one Redis, advanced in steps of 100 ms of simulated time.
final class Simulation {
  /// The hosts' defaults: the server's leases are a fifth shorter, and are renewed five times as often.
  static let lease = Duration.seconds(15)
  static let interval = Duration.seconds(30)
  private static let step = Duration.milliseconds(100)

  let workloads: [Workload]
  let redis: SimulatedRedis
  private let clock = ManualClock(at: noon)
  private var processes: [SimulatedForecaster] = []
  private var launched = 0

  init(workloads count: Int) throws {
    redis = SimulatedRedis(clock: clock)
    workloads = try (0..<count).map { index in
      Workload(
        name: try WorkloadName("w\(index)"), metric: "rps",
        source: ScriptedSource { 800 + 100 * sin($0.timeIntervalSince1970 / 300 + Double(index)) },
        model: SeasonalBaseline(), policy: try StandardCapacityPolicy(targetPerPod: 50), horizon: .seconds(300),
        interval: Self.interval, window: .seconds(3600))
    }
  }

  var now: Date { clock.now }
  var processCount: Int { processes.count }

  /// Starts another process.
  func launch() {
    launched += 1
    processes.append(
      SimulatedForecaster("f\(launched)", workloads: workloads, lease: Self.lease, redis: redis, clock: clock))
  }

  /// A random fault.
  func disturb(_ random: inout SeededGenerator) async {
    let victim = processes.randomElement(using: &random)
    switch Int.random(in: 0..<8, using: &random) {
    case 0, 1:
      // At least one process remains.
      if processes.count > 1, let victim { processes.removeAll { $0 === victim } }
    case 2, 3: victim?.pause(for: .milliseconds(Int.random(in: 500...60_000, using: &random)))
    case 4: await victim?.pauseWhileWriting(for: .milliseconds(Int.random(in: 500...60_000, using: &random)))
    case 5: redis.fail(losingData: true)
    case 6: redis.fail(losingData: false)
    default: if redis.isUp { launch() } else { redis.restart() }
    }
  }

  /// Redis responds again.
  func endOutage() { if !redis.isUp { redis.restart() } }

  /// All paused processes continue.
  func wakeAll() { for process in processes { process.wake() } }

  /// Advances time.
  func run(for duration: Duration, check: String) async throws {
    let end = clock.now + duration
    while clock.now < end {
      clock.advance(by: Self.step)
      // With all others stopped, no process could take over: one is always running.
      if processes.allSatisfy(\.isPaused) { processes.first?.wake() }
      for process in processes where !process.isPaused { await process.step() }
      for workload in workloads {
        let owners = processes.filter { $0.fence.writeLimit(of: workload.name, term: nil) != nil }
        try #require(owners.count <= 1, "\(check): \(workload.name) has \(owners.count) owners")
      }
    }
  }
}
