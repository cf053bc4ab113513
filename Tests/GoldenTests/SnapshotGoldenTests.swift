import Foundation
import KedastralCore
import Testing

@Suite("Golden: a snapshot as JSON")
struct SnapshotGoldenTests {
  /// A snapshot in which every field says something.
  private func full() throws -> Snapshot {
    var accuracy = Snapshot.Accuracy(
      mase: 0.75, relativeError: 0.125, coverage: ["0.5": 0.5, "0.9": 0.875], repairedShare: 0.0625)
    accuracy.members = [
      .init(name: "recent load", weight: 0.75, mase: 0.5), .init(name: "last season repeated", weight: 0.25),
    ]
    var snapshot = try Snapshot(
      workload: try WorkloadName("api-app"), metric: "rps",
      generatedAt: Date(timeIntervalSince1970: 1_769_839_200.5), step: .milliseconds(60_500), horizon: .seconds(121),
      values: [100, 150.5], desiredReplicas: [3, 4],
      quantiles: Quantiles([.init(level: 0.5, values: [100, 150]), .init(level: 0.9, values: [120, 170.25])]),
      plannedLoad: [120, 180.5], model: "auto", currentValue: 90, targetPerPod: 50,
      capacityState: CapacityState(replicas: 3, currentLoad: 90, forecastError: 0.25), accuracy: accuracy,
      reason: "hourly season / with \"quotes\"")
    snapshot.isDryRun = true
    snapshot.activationThreshold = 12.5
    return snapshot
  }

  /// One of required fields alone.
  private func least() throws -> Snapshot {
    try Snapshot(
      workload: try WorkloadName("w"), metric: "m", generatedAt: Date(timeIntervalSince1970: 1_769_839_200),
      step: .seconds(60), horizon: .seconds(60), values: [0], desiredReplicas: [0])
  }

  @Test("every recorded field is written as recorded")
  func writes() throws {
    try Golden.check("snapshot-full", try JSONDocument(json: full().json()))
    try Golden.check("snapshot-least", try JSONDocument(json: least().json()))
  }

  @Test("a recorded document is read with its recorded meaning")
  func reads() throws {
    #expect(try Snapshot(json: Golden.read("snapshot-full").data()) == full())
    #expect(try Snapshot(json: Golden.read("snapshot-least").data()) == least())
  }
}
