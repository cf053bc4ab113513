import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import Testing

@Suite("Golden: a forecaster's session state")
struct StoredStateGoldenTests {
  /// When the state was stored.
  private static let stored = Date(timeIntervalSince1970: 1_769_860_800)

  /// A load that rises and falls in whole numbers, by the time of day and a little by the hour: the same on every machine.
  @Sendable private static func load(at instant: Date) -> Double {
    let quarter = Int(instant.timeIntervalSince1970) / 900
    let (ofDay, ofHour) = (abs(quarter % 96 - 48), quarter % 4)
    return Double(400 - 6 * ofDay + 12 * ofHour + quarter * 7919 % 23)
  }

  private func workload() throws -> Workload {
    Workload(
      name: try WorkloadName("api-app"), metric: "rps", source: ScriptedSource(Self.load), model: AutoModel(),
      policy: try StandardCapacityPolicy(targetPerPod: 100, maxReplicas: 50, downMaxPercent: 50),
      step: .seconds(900), horizon: .seconds(7200), interval: .seconds(900), window: .seconds(6 * 86_400),
      quantileLevels: [0.5, 0.9])
  }

  /// What a restart a quarter of an hour later knows at its first round.
  private func restarted(
    _ state: Data?, plan: Snapshot? = nil, metrics: MetricsRegistry = MetricsRegistry()
  ) async throws -> Snapshot {
    let clock = ManualClock(at: Self.stored + .seconds(900))
    let store = RecordingStore(holding: plan.map { [$0] } ?? [], clock: clock)
    if let state { try await store.putState(state, of: try WorkloadName("api-app")) }
    return try await ForecastLoop(try workload(), store: store, clock: clock, metrics: metrics).tick()
  }

  /// The numbers that come from the state alone: errors of the forecasts and of what the model combines.
  private func knowledge(_ snapshot: Snapshot) throws -> JSONDocument {
    var accuracy = try #require(snapshot.accuracy)
    let errors = (accuracy.members ?? []).compactMap { $0.mase.map(JSONDocument.number) }
    (accuracy.members, accuracy.repairedShare) = (nil, nil)
    return ["accuracy": try JSONDocument(json: JSONEncoder().encode(accuracy)), "memberErrors": .list(errors)]
  }

  /// Has a forecaster run for ten hours and stores what it learned.
  private func record() async throws {
    let rounds = 40
    let clock = ManualClock(at: Self.stored - .seconds(900 * rounds))
    let store = RecordingStore(clock: clock)
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    for _ in 0..<rounds {
      clock.advance(by: .seconds(900))
      try await loop.tick()
    }
    let state = try #require(try await store.state(of: try WorkloadName("api-app")))
    try Golden.write(
      "stored-state",
      ["state": .text(state.base64EncodedString()), "knowledge": try knowledge(await restarted(state))])
  }

  /// The stored state of a fixture: in base64, or the JSON that version 0.1.0 stored.
  private func state(in fixture: JSONDocument) throws -> Data {
    let state = try #require(fixture["state"])
    guard case .text(let text) = state else { return try state.data() }
    return try #require(Data(base64Encoded: text))
  }

  @Test(
    "a recorded state gives a restarted forecaster its previous accuracy, also one of version 0.1.0",
    arguments: ["stored-state", "stored-state-json"])
  func accuracy(fixture: String) async throws {
    if Golden.isRecording, fixture == "stored-state" { try await record() }
    let recorded = try Golden.read(fixture)
    let state = try state(in: recorded)
    let metrics = MetricsRegistry()
    let knowledge = try knowledge(await restarted(state, metrics: metrics))
    #expect(metrics.all.contains { $0.name == "kedastral_forecast_mase" && !$0.all.isEmpty })
    let wanted = try #require(recorded["knowledge"])
    for difference in try #require(knowledge["accuracy"]).differences(from: try #require(wanted["accuracy"])) {
      Issue.record("\(difference)")
    }
    // Parts of one name are shown as one, by the error of the first, and another fit names them differently.
    guard case .list(let errors) = knowledge["memberErrors"], case .list(let known) = wanted["memberErrors"] else {
      Issue.record("no errors of the parts")
      return
    }
    #expect(errors.count >= known.count - 1 && errors.allSatisfy(known.contains), "\(errors)")
  }

  @Test("without the state a restarted forecaster has no accuracy")
  func nothing() async throws {
    let recorded = try #require(try Golden.read("stored-state")["knowledge"])
    #expect(try await knowledge(restarted(nil)).differences(from: recorded) != [])
  }

  @Test("a recorded plan is resumed: the replicas fall no faster than the policy allows")
  func plan() async throws {
    let plan = try Snapshot(
      json: Data(
        """
        {"workload":"api-app","metric":"rps","generatedAt":"2026-01-31T12:00:00Z","stepSeconds":900,"horizonSeconds":7200,
         "values":[3000,3000,3000,3000,3000,3000,3000,3000],"desiredReplicas":[40,40,40,40,40,40,40,40]}
        """.utf8))
    let first = try await restarted(nil, plan: plan)
    #expect(first.capacityState?.replicas == 40 && first.desiredReplicas[0] == 20, "\(first.desiredReplicas)")
  }
}
