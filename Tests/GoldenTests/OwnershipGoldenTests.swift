import Testing

@testable import KedastralRedisStore

@Suite("Golden: workload ownership")
struct OwnershipGoldenTests {
  private static let members: [[String]] = [
    [], ["forecaster"], ["a", "b"], ["b", "a"], ["forecaster-0", "forecaster-1", "forecaster-2"],
    ["kedastral-forecaster-6d5f9c7b8-abcde", "kedastral-forecaster-6d5f9c7b8-xyz12"],
    ["node1.example:1", "node1.example:2", "node2.example:1", "node2.example:2", "größe"],
  ]
  private static let workloads =
    ["api-app", "worker-app", "shop", "a", "Z9", "under_score", String(repeating: "long-", count: 50) + "end"]
    + (0..<60).map { "app-\($0)" }

  @Test("versions that run side by side assign each workload to the same member")
  func owners() throws {
    let owners = Self.workloads.map { workload in
      let byMembers = Self.members.map { members in
        (
          members.joined(separator: " "),
          Rendezvous.owner(of: workload, among: members).map(JSONDocument.text) ?? .null
        )
      }
      return (workload, JSONDocument.object(Dictionary(uniqueKeysWithValues: byMembers)))
    }
    try Golden.check("owners", .object(Dictionary(uniqueKeysWithValues: owners)))
  }
}
