import Foundation
import Testing

@testable import KedastralCore

@Suite("Placeholder pods")
struct HeadroomTests {
  private static let noon = Date(timeIntervalSince1970: 1_769_860_800)

  /// A member whose plan has these replicas per minute from noon.
  private func plan(
    _ replicas: [Int], cpu: Double = 1, memory: Double = 1, leadTime: Duration = .seconds(60)
  ) throws -> HeadroomQuestion.Plan {
    HeadroomQuestion.Plan(
      snapshot: try Snapshot(
        workload: try WorkloadName("api"), metric: "rps", generatedAt: Self.noon, step: .seconds(60),
        horizon: .seconds(60 * replicas.count), values: replicas.map(Double.init), desiredReplicas: replicas),
      pod: .init(cpu: cpu, memory: memory), leadTime: leadTime)
  }

  private func placeholders(
    _ plans: [HeadroomQuestion.Plan], cpu: Double = 1, memory: Double = 1, startup: Duration = .seconds(180),
    at instant: Date = noon
  ) -> Int {
    HeadroomQuestion(members: [], placeholder: .init(cpu: cpu, memory: memory), nodeStartup: startup)
      .placeholders(for: plans, at: instant)
  }

  @Test("their number is the rise of the requested pods within the start-up time of a node")
  func rise() throws {
    let plan = try plan([2, 2, 2, 3, 7, 7, 9, 1])
    #expect(placeholders([plan]) == 1)
    #expect(placeholders([plan], startup: .seconds(240)) == 5)
    // The lead time of the pods counts: they are requested that much earlier.
    #expect(placeholders([try self.plan([2, 2, 2, 3, 7, 7, 9, 1], leadTime: .seconds(120))]) == 5)
    #expect(placeholders([plan], at: Self.noon + .seconds(180)) == 6)
  }

  @Test("a plan that only falls, or stays, needs none")
  func fall() throws {
    #expect(placeholders([try plan([9, 7, 7, 3, 2, 2])]) == 0)
    #expect(placeholders([try plan([4, 4, 4, 4, 4, 4])]) == 0)
    #expect(placeholders([]) == 0)
  }

  @Test("a peak within the start-up time counts, even if the load is lower at its end")
  func peak() throws {
    #expect(placeholders([try plan([2, 8, 2, 2, 2, 2])]) == 6)
  }

  @Test("plans are summed by the requests of their pods: one that falls leaves room for one that rises")
  func sum() throws {
    let rising = try plan([2, 2, 2, 8, 8, 8], cpu: 0.5, memory: 4)
    let falling = try plan([9, 9, 9, 5, 5, 5], cpu: 0.5, memory: 0)
    #expect(placeholders([rising], memory: 0) == 3)
    #expect(placeholders([rising, falling], memory: 0) == 1)
    // The scarcer resource decides; 6 pods of 4 are 24.
    #expect(placeholders([rising, falling], memory: 8) == 3)
    #expect(placeholders([rising, falling], cpu: 0, memory: 5) == 5)
  }

  @Test("sums of fractions do not round up to one more")
  func fractions() throws {
    #expect(placeholders([try plan([0, 0, 3], cpu: 0.1, memory: 0)], cpu: 0.3) == 1)
  }

  @Test("behind the end of a plan its last step counts")
  func end() throws {
    #expect(placeholders([try plan([2, 5])], startup: .seconds(3600)) == 3)
    #expect(placeholders([try plan([2, 5])], startup: .seconds(3600), at: Self.noon + .seconds(600)) == 0)
  }
}
