import Foundation
import Testing

@testable import KedastralCore

@Suite("Events of plans")
struct PlanEventsTests {
  private static let start = Date(timeIntervalSince1970: 1_769_860_800)
  private let name: WorkloadName
  private let health = WorkloadHealth()

  init() throws {
    name = try WorkloadName("api")
    health.configure([name])
  }

  /// Ends a round at a minute.
  private func round(
    _ minute: Double, planned: Int = 4, required: Int = 4, isBridged: Bool = false, error: Double? = nil,
    problem: String? = nil, hasPlan: Bool = true
  ) throws {
    let now = Self.start + .seconds(minute * 60)
    var snapshot = try Snapshot(
      workload: name, metric: "load", generatedAt: now, step: .seconds(60), horizon: .seconds(600),
      values: Array(repeating: 1, count: 10), desiredReplicas: Array(repeating: planned, count: 10),
      requiredReplicas: Array(repeating: required, count: 10), bounds: 1...4, targetPerPod: 10,
      accuracy: error.map { Snapshot.Accuracy(relativeError: $0) })
    if isBridged { snapshot.bridgedUntil = now + .seconds(600) }
    let failure = problem.map { ForecastFailure(workload: name, stage: .collect, problem: $0) }
    health.roundEnded(ForecastRound(workload: name, endedAt: now, snapshot: hasPlan ? snapshot : nil, failure: failure))
  }

  private var events: [PlanEvent] { health.events(of: name) }
  private func minutes(_ event: PlanEvent) -> [Double] {
    [event.begin, event.end ?? .distantFuture].map { $0.timeIntervalSince(Self.start) / 60 }
  }

  @Test("capped, bridged and failed times begin and end with the rounds that say so")
  func spans() throws {
    try round(0)
    try round(1, required: 9)
    try round(2, required: 11)
    try round(3, isBridged: true, problem: "timed out")
    try round(4, problem: "timed out again", hasPlan: false)
    #expect(events.map(\.kind) == [.capped, .failed, .bridged])
    #expect(events[0].text == "capped at 4: the load needs 9")
    #expect(minutes(events[0]) == [1, 3])
    #expect(events[1].text == "collect failed: timed out" && events[1].end == nil)
    try round(5)
    #expect(events.map { minutes($0)[1] } == [3, 5, 5])
  }

  @Test("much larger errors than usual are a change of the pattern until they are small again")
  func regime() throws {
    for minute in 0..<100 { try round(Double(minute), error: 0.1) }
    try round(100, error: 0.28)
    #expect(events.isEmpty)
    try round(101, error: 0.5)
    try round(102, error: 0.28)
    try round(103, error: 0.12)
    #expect(events.map(\.kind) == [.regime])
    #expect(events[0].text == "the load left its pattern: forecasts are off by 50 %, usually by 10 %")
    #expect(minutes(events[0]) == [101, 103])
  }

  @Test("keeps a limited number of events, of what lasts the begin, and short texts")
  func bounds() throws {
    try round(0, required: 9)
    for minute in 1..<200 {
      try round(Double(minute), required: 9, problem: minute % 2 == 0 ? String(repeating: "x", count: 999) : nil)
    }
    #expect(events.count == PlanEvents.capacity)
    #expect(events.contains { $0.kind == .capped && $0.end == nil })
    #expect(events.allSatisfy { $0.text.count <= PlanEvents.longestText })
  }

  @Test("a change of the settings is an event of the workloads that this process forecasts")
  func reloads() throws {
    health.reloaded([name, try WorkloadName("other")], at: Self.start)
    #expect(events.map(\.kind) == [.reload] && events[0].end == Self.start)
    #expect(health.events(of: try WorkloadName("other")).isEmpty)
    health.configure([])
    #expect(events.isEmpty)
  }
}
