import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import Synchronization
import Testing

@Suite("Warm restart")
struct WarmRestartTests {
  private static let begin = Date(timeIntervalSince1970: 1_769_860_800)
  private let clock = ManualClock(at: Self.begin)
  private let source = ScriptedSource(Self.load)
  private let name: WorkloadName
  private let log = Lines()

  init() throws { name = try WorkloadName("api-app") }

  /// A load that rises and falls daily in whole numbers.
  @Sendable private static func load(at instant: Date) -> Double {
    let quarter = Int(instant.timeIntervalSince1970) / 900
    return Double(700 - 11 * abs(quarter % 96 - 48) + quarter % 4 * 9 + quarter * 7919 % 23)
  }

  private final class Lines: KedastralLogHandler {
    private let lines = Mutex<[String]>([])
    var warnings: [String] { lines.withLock { $0.filter { $0.hasPrefix("warn") } } }
    func isEnabled(_ level: KedastralLogLevel) -> Bool { true }
    func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
      lines.withLock { $0.append("\(level) \(message) \(fields.map { "\($0)=\($1)" }.joined(separator: " "))") }
    }
  }

  private func loop(
    _ store: any ForecastStore, source: ScriptedSource? = nil, query: String = "load", model: any Model = AutoModel()
  ) throws -> ForecastLoop {
    let workload = Workload(
      name: name, metric: "rps", source: IdentifiedScript(source ?? self.source, identity: query), model: model,
      policy: try StandardCapacityPolicy(targetPerPod: 100, maxReplicas: 50), step: .seconds(900),
      horizon: .seconds(7200), interval: .seconds(900), window: .seconds(6 * 86_400), quantileLevels: [0.5, 0.9])
    return ForecastLoop(workload, store: store, clock: clock, logger: KedastralLogger(log))
  }

  private func run(_ loop: ForecastLoop, rounds: Int) async throws {
    for _ in 0..<rounds {
      clock.advance(by: .seconds(900))
      try await loop.tick()
    }
  }

  /// What a store contains, for a process that continues from it while another one continues too.
  private func copy(_ store: RecordingStore) async throws -> RecordingStore {
    let copy = RecordingStore(holding: [try #require(try await store.get(name))])
    if let state = try await store.state(of: name) { try await copy.putState(state, of: name) }
    try await copy.putHistory(try await store.history(of: name), of: name, lifetime: .seconds(86_400))
    return copy
  }

  private func sampleParts(_ store: RecordingStore) async throws -> Set<String> {
    Set(try await store.history(of: name).keys).subtracting(["0/fit"])
  }

  @Test("a restarted loop requests only what was not stored, and publishes the same forecast as one that never stopped")
  func sameForecast() async throws {
    let store = RecordingStore()
    let steady = try loop(store)
    try await run(steady, rounds: 50)
    let kept = try await copy(store)
    let own = ScriptedSource(Self.load)
    let restarted = try loop(kept, source: own)
    for round in 0..<12 {
      clock.advance(by: .seconds(900))
      let (expected, snapshot) = (try await steady.tick(), try await restarted.tick())
      #expect(snapshot.desiredReplicas == expected.desiredReplicas)
      for (left, right) in zip(snapshot.values, expected.values) {
        #expect(abs(left - right) <= 0.001 * right, "round \(round): \(left), not \(right)")
      }
      #expect(snapshot.accuracy?.members?.map(\.name) == expected.accuracy?.members?.map(\.name))
    }
    let asked = try #require(own.askedRanges.first)
    #expect(asked.lowerBound >= clock.now - .seconds(12 * 900 + 8 * 900), "the unsettled samples alone")
    #expect(await restarted.history == steady.history)
    let restored = kept.historyWritings.dropFirst().prefix(4)
    #expect(!restored.joined().contains("0/fit"), "it did not fit again before the next fit was due")
    #expect(log.warnings == [])
  }

  /// A source that has nothing from before it was made.
  private struct Fleeting: IdentifiedSource {
    let since: Date
    var loadIdentity: String { "fleeting" }
    var hasPast: Bool { false }

    func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
      TimeSeries.sampled(in: range, step: step) { $0 > since ? WarmRestartTests.load(at: $0) : .nan }
    }
  }

  @Test("samples of a source without a past are stored as soon as they are settled, two minutes later")
  func withoutPast() async throws {
    let store = RecordingStore()
    let begin = clock.now
    func loop() throws -> ForecastLoop {
      ForecastLoop(
        Workload(
          name: name, metric: "lag", source: Fleeting(since: clock.now), model: SeasonalBaseline(),
          policy: try StandardCapacityPolicy(targetPerPod: 100), interval: .seconds(60), window: .seconds(3600)),
        store: store, clock: clock, logger: KedastralLogger(log))
    }
    let first = try loop()
    for _ in 0..<34 {
      clock.advance(by: .seconds(60))
      try await first.tick()
    }
    let second = try loop()
    clock.advance(by: .seconds(60))
    try await second.tick()
    let history = try #require(await second.history)
    #expect(history.start == begin + .seconds(60) && history.end == clock.now && history.count == 35)
    #expect(history.values.indices.filter { history.values[$0].isNaN } == [32, 33], "the unsettled samples alone")
    #expect(history.values[20] == Self.load(at: history.instant(at: 20)))
    #expect(store.historyWritings.count >= 30, "once per step")
  }

  @Test("two chunks are written per round until all are stored, and then only the newest one and a new fit")
  func writesInParts() async throws {
    let store = RecordingStore()
    try await run(try loop(store), rounds: 120)
    let writings = store.historyWritings
    #expect(writings.allSatisfy { $0.count { $0 != "0/fit" } <= 3 }, "two chunks, and one that is removed")
    #expect(writings.dropFirst(8).count { $0.filter { $0 != "0/fit" }.count == 1 } > 80)
    let fits = writings.count { $0.contains("0/fit") }
    #expect((2...10).contains(fits), "\(fits) fits")
    #expect((8...9).contains(try await sampleParts(store).count), "chunks before the window are removed")
    let bytes = try await store.history(of: name).values.reduce(0) { $0 + $1.count }
    #expect(bytes < 10_000, "\(bytes) bytes")
  }

  @Test("another query starts without the stored history, replaces it, and says so once")
  func otherQuery() async throws {
    let store = RecordingStore()
    try await run(try loop(store), rounds: 30)
    let other = try loop(store, query: "other")
    try await run(other, rounds: 1)
    #expect(source.askedRanges.last.map { $0.upperBound.timeIntervalSince($0.lowerBound) > 5 * 86_400 } == true)
    #expect(log.warnings.count == 1 && log.warnings[0].contains("another query, step or window"), "\(log.warnings)")
    try await run(other, rounds: 30)
    let own = ScriptedSource(Self.load)
    try await run(try loop(store, source: own, query: "other"), rounds: 1)
    #expect(own.askedRanges.first.map { $0.upperBound.timeIntervalSince($0.lowerBound) < 86_400 } == true)
    #expect(log.warnings.count == 1)
  }

  @Test("a damaged part, or one of another version, means a cold start and one log line")
  func damaged() async throws {
    let store = RecordingStore()
    try await run(try loop(store), rounds: 40)
    let good = try await store.history(of: name)
    for (part, byte, words) in [("0/fit", 40, "damaged"), (good.keys.sorted()[2], 2, "of another version")] {
      let warned = log.warnings.count
      var bad = try #require(good[part])
      bad[byte] ^= 0xFF
      let kept = try await copy(store)
      try await kept.putHistory([part: bad], of: name, lifetime: .seconds(86_400))
      let restarted = try loop(kept)
      try await run(restarted, rounds: 1)
      #expect(log.warnings.count == warned + 1 && log.warnings[warned].contains("part \(part) is \(words)"))
      try await run(restarted, rounds: 10)
      #expect(log.warnings.count == warned + 1)
    }
  }

  @Test("a source that cannot be recognised in another process starts cold, and nothing of it is stored")
  func unidentified() async throws {
    let store = RecordingStore()
    let workload = Workload(
      name: name, metric: "rps", source: source, model: SeasonalBaseline(),
      policy: try StandardCapacityPolicy(targetPerPod: 100), step: .seconds(900), interval: .seconds(900),
      window: .seconds(86_400))
    try await run(ForecastLoop(workload, store: store, clock: clock), rounds: 10)
    #expect(store.historyWritings == [])
  }

  /// A store whose histories cannot be read for a while.
  private final class Unreadable: ForecastStore, HistoryStore {
    let kept: RecordingStore
    let isUnreadable = Mutex(true)
    init(_ kept: RecordingStore) { self.kept = kept }
    func put(_ snapshot: Snapshot) async throws -> PutOutcome { try await kept.put(snapshot) }
    func get(_ workload: WorkloadName) async throws -> Snapshot? { try await kept.get(workload) }
    func list() async throws -> [WorkloadName] { try await kept.list() }
    func remove(_ workload: WorkloadName) async throws { try await kept.remove(workload) }
    func updates() -> AsyncStream<StoreUpdate> { kept.updates() }
    func putHistory(_ parts: [String: Data?], of workload: WorkloadName, lifetime: Duration) async throws {
      try await kept.putHistory(parts, of: workload, lifetime: lifetime)
    }
    func history(of workload: WorkloadName) async throws -> [String: Data] {
      if isUnreadable.withLock({ $0 }) { throw TestFailure("no permission") }
      return try await kept.history(of: workload)
    }
  }

  @Test("while a stored history cannot be read the loop starts cold and writes none; later it adds the older samples")
  func unreadable() async throws {
    let store = RecordingStore()
    let first = try loop(store, model: SeasonalBaseline())
    try await run(first, rounds: 30)
    let before = try await store.history(of: name)
    let away = Unreadable(store)
    // The source has lost all that is older than the restart.
    let restart = clock.now
    source.play { $0 > restart ? Self.load(at: $0) : .nan }
    let restarted = try loop(away, model: SeasonalBaseline())
    try await run(restarted, rounds: 5)
    #expect(await restarted.history?.count == 5)
    #expect(try await store.history(of: name) == before)
    #expect(log.warnings.count == 1 && log.warnings[0].contains("no permission"), "\(log.warnings)")
    away.isUnreadable.withLock { $0 = false }
    try await run(restarted, rounds: 5)
    #expect(try #require(await restarted.history).count > 500)
    #expect(try await store.history(of: name) != before)
    #expect(try await sampleParts(store).count >= 8)
  }

  @Test("a source that is unavailable at the restart does not prevent a plan")
  func sourceAway() async throws {
    let store = RecordingStore()
    try await run(try loop(store), rounds: 30)
    source.fail(with: TestFailure("connection refused"))
    clock.advance(by: .seconds(900))
    let snapshot = try await loop(store).tick()
    #expect(snapshot.problem?.contains("connection refused") == true)
    #expect(snapshot.values.allSatisfy { $0 > 0 })
  }

  @Test("samples that arrive late are stored again with their chunk")
  func lateSamples() async throws {
    let store = RecordingStore()
    let gap = Self.begin + .seconds(20 * 900)..<Self.begin + .seconds(30 * 900)
    source.play { gap.contains($0) ? .nan : Self.load(at: $0) }
    let running = try loop(store, model: SeasonalBaseline())
    try await run(running, rounds: 29)
    source.play(Self.load)
    try await run(running, rounds: 10)
    let restarted = try loop(try await copy(store), model: SeasonalBaseline())
    try await run(restarted, rounds: 1)
    let history = try #require(await restarted.history)
    #expect(history.missingCount == 0)
  }
}
