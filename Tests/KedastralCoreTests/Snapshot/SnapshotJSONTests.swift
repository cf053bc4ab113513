import Foundation
import KedastralCore
import Testing

@Suite("Snapshots as JSON")
struct SnapshotJSONTests {
  private let full = """
    {"workload":"api-app","metric":"rps","generatedAt":"2026-01-31T06:00:00.5Z","stepSeconds":60,"horizonSeconds":120,
     "values":[100,150.5],"desiredReplicas":[3,4],"quantiles":{"0.9":[120,170],"0.5":[100,150]},"plannedLoad":[120,180.6],
     "model":"baseline","currentValue":90,"targetPerPod":50,"capacityState":{"replicas":3},
     "accuracy":{"mase":0.7,"coverage":{"0.9":0.91}},"reason":"hourly season","somethingNew":[1]}
    """

  private func decode(_ text: String) throws -> Snapshot { try Snapshot(json: Data(text.utf8)) }

  @Test("reads every field, and ignores unknown ones")
  func reads() throws {
    let snapshot = try decode(full)
    #expect(snapshot.workload.text == "api-app")
    #expect(snapshot.generatedAt.timeIntervalSince1970 == 1_769_839_200.5)
    #expect(snapshot.quantiles[0.9] == [120, 170])
    #expect(snapshot.quantiles.paths.map(\.level) == [0.5, 0.9])
    #expect(snapshot.capacityState?.replicas == 3)
    #expect(snapshot.accuracy?.coverage == ["0.9": 0.91])
    #expect(snapshot.reason == "hourly season")
  }

  @Test("writing and reading are inverse")
  func roundTrip() throws {
    let snapshot = try decode(full)
    #expect(try Snapshot(json: snapshot.json()) == snapshot)
  }

  @Test("a snapshot of the Go implementation, with only the required fields, is read")
  func referenceFields() throws {
    let snapshot = try decode(
      """
      {"workload":"w","metric":"m","generatedAt":"2025-06-01T10:00:00.123456789+02:00","stepSeconds":60,
       "horizonSeconds":60,"values":[1],"desiredReplicas":[1]}
      """)
    #expect(snapshot.quantiles.isEmpty)
    #expect(snapshot.model == nil)
  }

  @Test(
    "reports what is invalid",
    arguments: [
      ("", "not valid JSON"),
      ("[]", "the document is not of type"),
      (#"{"workload":"w"}"#, "'metric' is missing"),
      (#""values":[1,2,3]"#, "'desiredReplicas' has 2 entries, expected 3"),
      (#""values":[]"#, "'values' has 0 entries, expected 1"),
      (#""desiredReplicas":[3,-4]"#, "'desiredReplicas' has a negative entry"),
      (#""desiredReplicas":[3,4.5]"#, "'desiredReplicas' has an entry that is not a whole number"),
      (#""values":[1,1e999]"#, "not valid JSON"),
      (#""workload":"a b""#, "'a b' is not a workload name"),
      (#""generatedAt":"yesterday""#, "'generatedAt' is 'yesterday', not an RFC 3339 instant"),
      (#""stepSeconds":0"#, "'stepSeconds' is 0.0, expected a number from 0.001"),
      (#""stepSeconds":1e-300"#, "'stepSeconds' is 1e-300, expected a number from 0.001"),
      (#""desiredReplicas":[3,9e18]"#, "'desiredReplicas' has 9000000000000000000, expected 0 to 1000000000"),
      (
        #""capacityState":{"replicas":9223372036854775807}"#,
        "'capacityState.replicas' is 9223372036854775807, expected 0 to 1000000000"
      ),
      (#""quantiles":{"0.9":[1]}"#, "'quantiles.0.9' has 1 entries, expected 2"),
      (#""quantiles":{"1.5":[1,2]}"#, "has the level '1.5'"),
      (#""plannedLoad":[1]"#, "'plannedLoad' has 1 entries, expected 2"),
    ])
  func rejects(change: String, message: String) throws {
    var text = change
    if change.hasPrefix("\""), let colon = change.firstIndex(of: ":") {
      // Replaces one field of the full snapshot.
      let key = String(change[change.index(after: change.startIndex)..<change.index(before: colon)])
      let object = try #require(try JSONSerialization.jsonObject(with: Data(full.utf8)) as? [String: Any])
      let kept = object.filter { $0.key != key }
      let rest = String(decoding: try JSONSerialization.data(withJSONObject: kept), as: UTF8.self)
      text = "{" + change + "," + rest.dropFirst()
    }
    let error = #expect(throws: SnapshotError.self) { try decode(text) }
    #expect(error?.description.hasPrefix("snapshot rejected: ") == true)
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  private func make(
    at instant: Date = Date(timeIntervalSince1970: 0), step: Duration = .seconds(60),
    horizon: Duration = .seconds(120), values: [Double] = [1, 2], replicas: [Int] = [1, 2],
    quantiles: [Quantiles.Path] = [], load: [Double] = [], state: CapacityState? = nil, current: Double? = nil
  ) throws -> Snapshot {
    try Snapshot(
      workload: WorkloadName("w"), metric: "m", generatedAt: instant, step: step, horizon: horizon, values: values,
      desiredReplicas: replicas, quantiles: Quantiles(quantiles), plannedLoad: load, currentValue: current,
      capacityState: state)
  }

  @Test("an invalid snapshot can neither be read nor created")
  func builtConsistent() throws {
    _ = try make()
    #expect(throws: SnapshotError.lengthMismatch(field: "values", count: 0, expected: 1)) {
      try make(values: [], replicas: [])
    }
    #expect(throws: SnapshotError.lengthMismatch(field: "desiredReplicas", count: 0, expected: 2)) {
      try make(replicas: [])
    }
    #expect(throws: SnapshotError.self) { try make(replicas: [1, -1]) }
    #expect(throws: SnapshotError.self) { try make(replicas: [1, .max]) }
    #expect(throws: SnapshotError.self) { try make(values: [1, .nan]) }
    #expect(throws: SnapshotError.self) { try make(load: [1, .infinity]) }
    #expect(throws: SnapshotError.self) { try make(load: [1]) }
    #expect(throws: SnapshotError.self) { try make(quantiles: [.init(level: 0.9, values: [1])]) }
    #expect(throws: SnapshotError.self) { try make(quantiles: [.init(level: 1, values: [1, 2])]) }
    #expect(throws: SnapshotError.self) { try make(step: .zero) }
    #expect(throws: SnapshotError.self) { try make(horizon: .seconds(-1)) }
    #expect(throws: SnapshotError.self) { try make(at: Date(timeIntervalSince1970: .nan)) }
    #expect(throws: SnapshotError.self) { try make(state: CapacityState(replicas: -1)) }
    #expect(throws: SnapshotError.self) { try make(current: .nan) }
  }
}
