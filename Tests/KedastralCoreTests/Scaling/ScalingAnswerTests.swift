import Foundation
import KedastralCore
import Testing

@Suite("Responses from a plan")
struct ScalingAnswerTests {
  private let made = Date(timeIntervalSince1970: 1_769_839_200)
  private let snapshot: Snapshot

  init() throws {
    snapshot = try Snapshot(
      workload: try WorkloadName("w"), metric: "rps", generatedAt: made, step: .seconds(60), horizon: .seconds(360),
      values: [10, 20, 90, 30, 20, 10], desiredReplicas: [1, 2, 9, 3, 2, 1], plannedLoad: [12, 24, 108, 36, 24, 12],
      targetPerPod: 12)
  }

  private func replicas(
    lead: Int, after seconds: Double = 0, _ selection: ScalingQuestion.Selection = .maximum
  ) -> Double? {
    let question = ScalingQuestion(leadTime: .seconds(lead), selection: selection)
    return snapshot.answer(question, at: made.addingTimeInterval(seconds))?.value
  }

  @Test("the response is the plan's maximum between now and the lead time, so that a rise is requested early")
  func maximum() {
    #expect(replicas(lead: 0) == 1)
    #expect(replicas(lead: 120) == 2)
    #expect(replicas(lead: 121) == 9)
    #expect(replicas(lead: 180) == 9)
    #expect(replicas(lead: 360) == 9)
  }

  @Test("a fall is never requested early: replicas drop when the load does, not one lead time before")
  func neverDownEarly() {
    #expect(replicas(lead: 180, after: 179) == 9)
    #expect(replicas(lead: 180, after: 180) == 3)
    #expect(replicas(lead: 60, after: 240) == 2)
  }

  @Test("the lead time counts from now, not from when the plan was made")
  func countsFromNow() {
    #expect(replicas(lead: 60, after: 59) == 2)
    #expect(replicas(lead: 60, after: 61) == 9)
  }

  @Test("at-lead uses only the plan at the lead time")
  func atLead() {
    #expect(replicas(lead: 180, .atLead) == 9)
    #expect(replicas(lead: 240, .atLead) == 3)
    #expect(replicas(lead: 0, .atLead) == 1)
  }

  @Test("beyond the horizon the response is the plan's end, and says so")
  func beyondHorizon() throws {
    let answer = try #require(snapshot.answer(ScalingQuestion(leadTime: .seconds(361), selection: .atLead), at: made))
    #expect(answer.value == 1 && answer.isBeyondHorizon)
    let within = try #require(snapshot.answer(ScalingQuestion(leadTime: .seconds(360)), at: made))
    #expect(!within.isBeyondHorizon)
    #expect(replicas(lead: 60, after: 100_000) == 1)
    #expect(replicas(lead: 60, after: -100_000) == 1)
  }

  @Test(
    "load mode returns fractions of a pod, and whole replicas where limits changed the plan",
    arguments: [
      // need 8.5 of 9, 2.5 of 3
      ([102, 30], [9, 3], 8.5), ([30, 102], [3, 9], 8.5),
      // a need of 23 cut to 10; a need of 1 raised to 4; 3.0 exactly
      ([276, 12], [10, 1], 10), ([12, 12], [4, 1], 4), ([36, 12], [3, 1], 3),
      // idle, and idle because of a maximum of nothing
      ([0, 0], [0, 0], 0), ([50, 50], [0, 0], 0),
      // the step of most pods is not the one of most load
      ([240, 60], [2, 5], 5),
    ] as [([Double], [Int], Double)])
  func load(load: [Double], replicas: [Int], expected: Double) throws {
    let plan = try Snapshot(
      workload: snapshot.workload, metric: "rps", generatedAt: made, step: .seconds(60), horizon: .seconds(120),
      values: load, desiredReplicas: replicas, plannedLoad: load, targetPerPod: 12)
    let question = ScalingQuestion(leadTime: .seconds(120), mode: .load)
    let answer = try #require(plan.answer(question, at: made))
    #expect(answer.value == expected)
    #expect(answer.value.rounded(.up) == plan.answer(ScalingQuestion(leadTime: .seconds(120)), at: made)?.value)
  }

  @Test("load mode has no response for a snapshot without planned load")
  func loadUnknown() {
    var bare = snapshot
    bare.plannedLoad = []
    #expect(bare.answer(ScalingQuestion(leadTime: .zero, mode: .load), at: made) == nil)
    #expect(bare.answer(ScalingQuestion(leadTime: .zero), at: made)?.value == 1)
  }

  @Test("a table keeps the newest snapshot of each workload")
  func table() throws {
    var table = SnapshotTable()
    var older = snapshot
    older.desiredReplicas = [7, 7, 7, 7, 7, 7]
    let newer = try Snapshot(
      workload: snapshot.workload, metric: "rps", generatedAt: made + .seconds(30), step: .seconds(60),
      horizon: .seconds(60), values: [1], desiredReplicas: [1])
    table.apply(.put(newer), at: made)
    table.apply(.put(older), at: made)
    #expect(table["w"] == newer)
    table.apply(.removed(snapshot.workload), at: made)
    #expect(table.count == 0)
  }

  @Test("a snapshot dated ahead of the clock does not block later ones")
  func fromTheFuture() throws {
    let ahead = try Snapshot(
      workload: snapshot.workload, metric: "rps", generatedAt: made + .seconds(3600), step: .seconds(60),
      horizon: .seconds(60), values: [1], desiredReplicas: [1])
    var table = SnapshotTable()
    table.apply(.put(ahead), at: made)
    #expect(table["w"] == ahead)
    table.apply(.put(snapshot), at: made)
    #expect(table["w"] == snapshot)
    table.apply(.put(ahead), at: made + .seconds(3590))
    table.apply(.put(snapshot), at: made + .seconds(3590))
    #expect(table["w"] == ahead, "clocks differ by seconds")
  }

  @Test("any instant gets a response from within the plan, for any step")
  func extremes() throws {
    for step in [Duration.milliseconds(1), .seconds(60), .seconds(400_000_000)] {
      let plan = try Snapshot(
        workload: snapshot.workload, metric: "rps", generatedAt: made, step: step, horizon: step * 2, values: [1, 2],
        desiredReplicas: [1, 2])
      for seconds in [-1e12, -1, 0, 1, 1e12] {
        let value = plan.answer(ScalingQuestion(leadTime: .seconds(300)), at: made.addingTimeInterval(seconds))?.value
        #expect(value == 1 || value == 2)
      }
    }
  }
}
