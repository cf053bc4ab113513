import Foundation
import KedastralCore
import KedastralTesting
import Testing

@testable import KedastralRedisStore

/// Five forecasters that share workloads, on simulated time. Their leases, loops and plans are the production code;
/// Redis and the connections are simulated, so that a seed always gives the same five minutes.
///
/// `KEDASTRAL_SCHEDULES=1000 swift test --filter ForecasterScheduleTests` runs many more seeds.
@Suite("Five forecasters under random faults")
struct ForecasterScheduleTests {
  private static let seeds: [UInt64] = {
    let wanted = ProcessInfo.processInfo.environment["KEDASTRAL_SCHEDULES"].flatMap { UInt64($0) }
    return Array(0..<(wanted ?? 30))
  }()

  @Test(
    "faults never restore an older plan, stop forecasts for more than lease and interval, or drop to the minimum",
    arguments: seeds)
  func schedule(seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let simulation = try Simulation(workloads: 6)
    for _ in 0..<5 { simulation.launch() }
    try await simulation.run(for: .seconds(60), check: "seed \(seed), at the start")
    // Five minutes: periods of faults, each followed by a quiet one at whose end everything must have recovered.
    for storm in 0..<4 {
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        await simulation.disturb(&random)
        try await simulation.run(
          for: .milliseconds(Int.random(in: 100...4000, using: &random)), check: "seed \(seed), storm \(storm)")
      }
      simulation.endOutage()
      let calm = simulation.now
      try await simulation.run(
        for: Simulation.lease + Simulation.interval, check: "seed \(seed), after storm \(storm)")
      for workload in simulation.workloads {
        let newest = try #require(simulation.redis.accepted(workload.name).last, "seed \(seed)")
        #expect(newest.generatedAt >= calm, "seed \(seed): \(workload.name) after storm \(storm)")
      }
      simulation.wakeAll()
      while simulation.processCount < 5 { simulation.launch() }
    }
    for workload in simulation.workloads {
      let plans = simulation.redis.accepted(workload.name)
      let instants = plans.map(\.generatedAt)
      #expect(instants == instants.sorted(), "seed \(seed): \(workload.name) went back")
      // The load is never below 700, at 50 per pod; the minimum is 1.
      let fewest = plans.map { $0.desiredReplicas[0] }.min() ?? 0
      #expect(fewest >= 14, "seed \(seed): \(workload.name) fell to \(fewest)")
    }
  }
}
