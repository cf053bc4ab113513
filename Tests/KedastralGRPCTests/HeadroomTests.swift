import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralGRPC

@Suite("Triggers for placeholder pods")
struct HeadroomTriggerTests {
  private static let metadata = [
    "headroom": "3m", "workloads": "api=500m/512Mi, jobs=1/1Gi", "placeholder": "1/2Gi", "leadTime": "1m",
  ]

  private func read(_ change: [String: String?]) throws -> HeadroomQuestion? {
    var metadata = ScaledObjectReference.Metadata()
    for (key, value) in Self.metadata.mapValues(Optional.some).merging(change, uniquingKeysWith: { $1 }) {
      if let value { metadata.append(key, value) }
    }
    return try HeadroomQuestion(metadata)
  }

  @Test("the metadata name the workloads with the requests of their pods, in Kubernetes' quantities")
  func metadata() throws {
    #expect(
      try read([:])
        == HeadroomQuestion(
          members: [
            .init(workload: "api", pod: .init(cpu: 0.5, memory: 536_870_912)),
            .init(workload: "jobs", pod: .init(cpu: 1, memory: 1_073_741_824)),
          ], placeholder: .init(cpu: 1, memory: 2_147_483_648), nodeStartup: .seconds(180)))
    #expect(try read(["placeholder": "0.25/500M"])?.placeholder == .init(cpu: 0.25, memory: 500_000_000))
    #expect(try read(["headroom": nil, "workloads": nil, "placeholder": nil]) == nil)
  }

  @Test(
    "invalid metadata are refused with the key and the right form",
    arguments: [
      ("headroom", "soon"), ("headroom", "0s"), ("headroom", "3h"), ("headroom", nil), ("placeholder", nil),
      ("placeholder", "1"), ("placeholder", "0/0"), ("placeholder", "-1/1Gi"), ("placeholder", "1/2Gib"),
      ("workloads", nil), ("workloads", ""), ("workloads", "api"), ("workloads", "api=1"), ("workloads", "api=x/1"),
      ("workloads", "a b=1/1Gi"), ("workloads", "=1/1Gi"), ("workloads", "api=1e9/1Gi"),
      ("workloads", Array(repeating: "api=1/1Gi", count: 201).joined(separator: ",")),
    ] as [(String, String?)])
  func refused(key: String, value: String?) throws {
    let status = try #require(throws: GRPCStatus.self) { try read([key: value]) }
    #expect(status.code == .invalidArgument)
    #expect(status.message.contains("such as") || status.message.contains("together with"), "\(status.message)")
  }

  @Test("the scaler answers with the rise of the summed plans, and is active while there is one")
  func answers() async throws {
    let plans = [
      try Snapshot.plan("api", replicas: [2, 2, 2, 10, 10, 10, 10]),
      try Snapshot.plan("jobs", replicas: [3, 3, 3, 4, 4, 4, 4]),
    ]
    try await TestScaler.serving(plans) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let specification = try await client.call("GetMetricSpec", "headroom", Self.metadata)
      #expect(specification.metric == "kedastral-headroom" && specification.value == 1)
      // 8 × 0.5 + 1 × 1 cores, for placeholders of one core.
      #expect(try await client.call("GetMetrics", "headroom", Self.metadata).value == 5)
      #expect(try await client.call("IsActive", "headroom", Self.metadata).active == true)
      // A workload without a plan adds none.
      await scaler.apply([.removed(try WorkloadName("jobs"))])
      #expect(try await client.call("GetMetrics", "headroom", Self.metadata).value == 4)
      scaler.clock.advance(by: .seconds(100))
      #expect(try await client.call("GetMetrics", "headroom", Self.metadata).value == 4)
      scaler.clock.advance(by: .seconds(3600))
      let stale = try await client.call("GetMetrics", "headroom", Self.metadata)
      #expect(stale.code == "UNAVAILABLE")
      #expect(try await client.call("IsActive", "headroom", Self.metadata).active == false)
    }
  }

  @Test("a dry run adds none, and no placeholder is requested while nothing rises")
  func none() async throws {
    var dry = try Snapshot.plan("api", replicas: [2, 9, 9, 9, 9])
    dry.isDryRun = true
    try await TestScaler.serving([dry, try .plan("jobs", replicas: [3, 3, 2, 2, 2])]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.call("GetMetrics", "headroom", Self.metadata).value == 0)
      #expect(try await client.call("IsActive", "headroom", Self.metadata).active == false)
    }
  }
}
