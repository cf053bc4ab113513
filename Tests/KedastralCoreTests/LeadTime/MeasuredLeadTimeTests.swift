import Foundation
import KedastralModels
import KedastralTesting
import Synchronization
import Testing

@testable import KedastralCore

@Suite("A workload's own lead time")
struct MeasuredLeadTimeTests {
  private static let noon = Date(timeIntervalSince1970: 1_769_860_800)
  private let clock = ManualClock(at: Self.noon)
  private let startups = ScriptedStartups([60, 70, 74])
  private let log = Lines()

  private final class ScriptedStartups: StartupSource {
    private let answer: Mutex<Result<[Double], TestFailure>>
    private let count = Mutex(0)

    init(_ seconds: [Double]) { answer = Mutex(.success(seconds)) }

    var calls: Int { count.withLock { $0 } }
    func set(_ result: Result<[Double], TestFailure>) { answer.withLock { $0 = result } }

    func startupSeconds(at now: Date) async throws -> [Double] {
      count.withLock { $0 += 1 }
      return try answer.withLock { $0 }.get()
    }
  }

  private final class Lines: KedastralLogHandler {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func isEnabled(_ level: KedastralLogLevel) -> Bool { level >= .info }
    func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
      guard message.contains("lead time") else { return }
      lines.withLock { $0.append("\(level) \(message) \(fields.map { "\($0)=\($1)" }.joined(separator: " "))") }
    }
  }

  private func loop(_ rule: LeadTimeRule?, _ store: any ForecastStore = RecordingStore()) throws -> ForecastLoop {
    let workload = Workload(
      name: try WorkloadName("api-app"), metric: "rps", source: ScriptedSource { _ in 100 }, model: SeasonalNaive(),
      policy: try StandardCapacityPolicy(targetPerPod: 10), horizon: .seconds(1800), window: .seconds(3600),
      leadTime: rule)
    return ForecastLoop(workload, store: store, clock: clock, logger: KedastralLogger(log))
  }

  private var measured: LeadTimeRule { .measured(startups, pollingInterval: .seconds(15)) }

  @Test("a measured lead time is in the next plan, is measured again after five minutes, and is explained")
  func measures() async throws {
    let loop = try loop(measured)
    #expect(try await loop.tick().leadTime == nil, "the first plan does not wait for a measurement")
    clock.advance(by: .seconds(30))
    let plan = try await loop.tick()
    #expect(plan.leadTime?.duration == .seconds(89))
    #expect(plan.leadTime?.startup == PodStartup(seconds: 74, pods: 3, measuredAt: Self.noon))
    #expect(startups.calls == 1)
    let text = PlanExplanation(plan, leadTime: plan.leadTime(orElse: .seconds(300)), at: clock.now).text
    #expect(
      text.hasPrefix(
        "api-app: 12 replicas now, to be ready for the next 1m29s.\nPods of api-app took 74 s to start (p95 of 3).\n"),
      "\(text)")
    startups.set(.success([200, 200, 200]))
    clock.advance(by: .seconds(300))
    try await loop.tick()
    clock.advance(by: .seconds(30))
    #expect(try await loop.tick().leadTime?.duration == .seconds(152))
    #expect(startups.calls == 2)
  }

  @Test("a setting is in every plan, and a workload without one leaves the lead time to the scaler")
  func fixed() async throws {
    #expect(try await loop(.fixed(.seconds(180))).tick().leadTime == WorkloadLeadTime(.seconds(180)))
    #expect(try await loop(nil).tick().leadTime == nil)
  }

  @Test("a failing measurement keeps the last value, with one line when it begins and one when it ends")
  func fails() async throws {
    let loop = try loop(measured)
    try await loop.tick()
    startups.set(.failure(TestFailure("no such host")))
    for _ in 0..<20 {
      clock.advance(by: .seconds(60))
      #expect(try await loop.tick().leadTime?.duration == .seconds(89))
    }
    #expect(log.all == ["warn the lead time cannot be measured workload=api-app error=no such host leadTime=1m29s"])
    startups.set(.success([60, 70, 75]))
    clock.advance(by: .seconds(60))
    try await loop.tick()
    #expect(log.all.count == 2 && log.all[1].hasPrefix("info measured the lead time"), "\(log.all)")
  }

  @Test("too few pods keep the scaler's default, with one line")
  func tooFew() async throws {
    startups.set(.success([60]))
    let loop = try loop(measured)
    for _ in 0..<5 {
      #expect(try await loop.tick().leadTime == nil)
      clock.advance(by: .seconds(300))
    }
    #expect(
      log.all == [
        "info the lead time cannot be measured workload=api-app error=only 1 pods started in the last day; at least 3 are required leadTime=the scaler's default"
      ])
  }

  @Test("a restarted process continues from the lead time of the stored plan")
  func restart() async throws {
    let store = RecordingStore()
    let first = try loop(measured, store)
    try await first.tick()
    clock.advance(by: .seconds(30))
    let stored = try await first.tick()
    startups.set(.failure(TestFailure("unavailable")))
    clock.advance(by: .seconds(30))
    let plan = try await loop(measured, store).tick()
    #expect(plan.leadTime == stored.leadTime && plan.leadTime?.duration == .seconds(89))
    clock.advance(by: .seconds(30))
    #expect(try await loop(.fixed(.seconds(60)), store).tick().leadTime?.duration == .seconds(60))
    #expect(try await loop(nil, store).tick().leadTime == nil)
  }

  @Test("a snapshot's lead time is written, read again, and refused outside of its range")
  func json() async throws {
    let loop = try loop(measured)
    try await loop.tick()
    clock.advance(by: .milliseconds(30_250))
    let plan = try await loop.tick()
    let data = try plan.json()
    #expect(try Snapshot(json: data) == plan)
    let text = String(decoding: data, as: UTF8.self)
    #expect(
      text.contains(
        #""leadTime":{"seconds":89,"startup":{"measuredAt":"2026-01-31T12:00:00Z","pods":3,"seconds":74}}"#), "\(text)")
    let wrong = text.replacingOccurrences(of: #""leadTime":{"seconds":89"#, with: #""leadTime":{"seconds":-1"#)
    #expect(throws: SnapshotError.invalidNumber(field: "leadTime.seconds", problem: "is -1.0, expected 0 to 86400")) {
      _ = try Snapshot(json: Data(wrong.utf8))
    }
  }
}
