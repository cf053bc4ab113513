import Foundation
import KedastralModels
import KedastralTesting
import Synchronization
import Testing

@testable import KedastralCore

/// The newest samples are provisional, a plan without samples is bridged, and a silent source is reported once.
@Suite("Plans without new samples")
struct BridgingTests {
  private let clock = ManualClock(at: Date(timeIntervalSince1970: 1_769_860_800))
  private let source = ScriptedSource { _ in 100 }
  private let store = RecordingStore()

  private func workload(
    _ name: String = "api-app", source: (any MetricSource)? = nil, reactiveFloor: Bool = false
  ) throws -> Workload {
    Workload(
      name: try WorkloadName(name), metric: "rps", source: source ?? self.source, model: SeasonalBaseline(),
      policy: try StandardCapacityPolicy(targetPerPod: 10, headroom: 1, hasReactiveFloor: reactiveFloor),
      horizon: .seconds(3600), window: .seconds(3 * 3600))
  }

  private func pass(_ minutes: Int, _ loop: ForecastLoop) async throws -> Snapshot {
    var latest = try await loop.tick()
    for _ in 0..<minutes {
      clock.advance(by: .seconds(60))
      latest = try await loop.tick()
    }
    return latest
  }

  @Test("a plan is bridged while its source fails, marked as such, and finally not served")
  func failingSource() async throws {
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let start = clock.now
    try await loop.tick()
    source.fail(with: TestFailure("POST http://prometheus:9090: connection refused"))
    let early = try await pass(5, loop)
    #expect(early.bridgedUntil == nil)
    #expect(early.problem == "POST http://prometheus:9090: connection refused")
    #expect(early.desiredReplicas[0] == 10)
    let bridged = try await pass(10, loop)
    #expect(bridged.newestSampleAt == start)
    #expect(bridged.bridgedUntil == start + .seconds(600 + 1800))
    #expect(bridged.currentValue == nil, "nobody measured a current load")
    #expect(bridged.staleness(at: clock.now, limit: .seconds(120)) == nil)
    let old = try await pass(30, loop)
    #expect(
      old.staleness(at: clock.now, limit: .seconds(120))
        == .noSamples(since: start, bridgedUntil: start + .seconds(2400), problem: early.problem))
    source.fail(with: nil)
    let recovered = try await pass(1, loop)
    #expect(recovered.bridgedUntil == nil)
    #expect(recovered.problem == nil)
    #expect(recovered.currentValue == 100)
  }

  @Test("a series that ended days ago is bridged from the first plan on, and not served")
  func endedSeries() async throws {
    let end = clock.now - .seconds(3600)
    source.play { $0 <= end ? 100 : .nan }
    let snapshot = try await ForecastLoop(try workload(reactiveFloor: true), store: store, clock: clock).tick()
    #expect(snapshot.newestSampleAt == end)
    #expect(snapshot.currentValue == nil)
    #expect(snapshot.capacityState?.currentLoad == nil, "no floor by a load that is not measured")
    #expect(snapshot.staleness(at: clock.now, limit: .seconds(120)) != nil)
  }

  @Test("a plan of two metrics is as old as its oldest measurement")
  func severalMetrics() async throws {
    let queue = ScriptedSource { [end = clock.now - .seconds(900)] in $0 <= end ? 20 : .nan }
    var workload = try workload()
    workload.otherMetrics = [
      LoadMetric(
        name: "queue", source: queue, model: SeasonalBaseline(),
        policy: try StandardCapacityPolicy(targetPerPod: 10, headroom: 1))
    ]
    let snapshot = try await ForecastLoop(workload, store: store, clock: clock).tick()
    #expect(snapshot.newestSampleAt == clock.now - .seconds(900))
    #expect(snapshot.bridgedUntil != nil)
  }

  /// The error of a server that many workloads use.
  private struct Outage: SourceFault, CustomStringConvertible {
    let outage: String? = "http://prometheus:9090"
    let description = "http://prometheus:9090: connection refused"
  }

  private final class Lines: KedastralLogHandler {
    let lines = Mutex<[String]>([])
    func isEnabled(_ level: KedastralLogLevel) -> Bool { level >= .info }
    func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
      lines.withLock { $0.append("\(level) \(message) \(fields.map { "\($0)=\($1)" }.joined(separator: " "))") }
    }
  }

  @Test("logs one line for all workloads of an unavailable server, and one when it responds again")
  func oneLinePerServer() async throws {
    let lines = Lines()
    let faults = FaultLog(KedastralLogger(lines))
    let names = try (0..<50).map { try WorkloadName("app-\($0)") }
    for round in 0..<4 {
      for name in names {
        faults.failed(
          ForecastFailure(workload: name, stage: .collect, problem: "refused", outage: "http://prometheus:9090"),
          at: clock.now + .seconds(30 * round))
      }
    }
    faults.failed(ForecastFailure(workload: names[3], stage: .forecast, problem: "model error"), at: clock.now)
    for name in names { faults.succeeded(name, at: clock.now + .seconds(120)) }
    let found = lines.lines.withLock { $0 }
    #expect(found.count == 4, "\(found)")
    #expect(found[0].contains("warn forecast failed") && found[0].contains("http://prometheus:9090"))
    #expect(found[1].contains("model error"), "another fault has a line of its own")
    #expect(found.suffix(2).contains { $0.contains("failedRounds=200") && $0.contains("failedFor=2m") })
  }

  @Test("rounds are logged at debug, the first plan of a workload once at info")
  func quietRounds() async throws {
    let lines = Lines()
    let loop = ForecastLoop(try workload(), store: store, clock: clock, logger: KedastralLogger(lines))
    let running = Task { await loop.run() }
    for round in 1...3 {
      await clock.waitForOnlySleeper(until: Date(timeIntervalSince1970: 1_769_860_800 + 30 * Double(round)))
      clock.advance(by: .seconds(30))
    }
    running.cancel()
    await running.value
    #expect(lines.lines.withLock { $0.filter { $0.contains("stored forecast") }.count } == 1)
  }
}
