import Foundation
import KedastralCore
import KedastralGRPC
import KedastralNet
import TestSupport
import Testing

@Suite("The client and our own server")
struct ClientTests {
  @Test("it asks as KEDA does: specification, value, activity")
  func unary() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      try await calling(scaler.port) { client in
        let specs = try await client.getMetricSpec(object("api", ["mode": "load"]))
        #expect(specs == [MetricSpec(name: "kedastral-api", target: 1000)])
        let values = try await client.getMetrics(object("api", ["mode": "load"]), metric: specs[0].name)
        #expect(values == [MetricValue(name: "kedastral-api", value: 8875)])
        #expect(specs[0].replicas(for: values[0]) == 9)
        #expect(try await client.isActive(object("api")))
      }
    }
  }

  @Test("an error names the address, the method and the server's status")
  func status() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      try await calling(scaler.port) { client in
        let unknown = try await failure { try await client.isActive(object("nobody")) }
        #expect(
          "\(unknown)" == "127.0.0.1:\(scaler.port): IsActive: NOT_FOUND: no forecast for workload 'nobody'")
        scaler.clock.advance(by: .seconds(121))
        let stale = try await failure { try await client.getMetrics(object("api"), metric: "") }
        #expect(stale.code == "UNAVAILABLE" && stale.message.contains("stale after 2m"))
      }
    }
  }

  @Test("a stream tells each change; one that is read no more is freed at the server")
  func streams() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      try await calling(scaler.port) { client in
        var seen: [Bool] = []
        for try await isActive in client.streamIsActive(object("api")) {
          seen.append(isActive)
          if seen.count == 1 { scaler.clock.advance(by: .seconds(121)) }
          if seen.count == 2 { break }
        }
        #expect(seen == [true, false])
        try await eventually("the stream to be freed") { scaler.metric("kedastral_scaler_streams") == 0 }
        for try await specs in client.streamMetricSpec(object("api")) {
          #expect(specs == [MetricSpec(name: "kedastral-api", target: 1)])
          break
        }
      }
    }
  }

  @Test("a cancelled task ends its call with CANCELLED, and the server hears of it")
  func cancelled() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      try await calling(scaler.port) { client in
        let task = Task {
          var count = 0
          for try await _ in client.streamIsActive(object("api")) { count += 1 }
          return count
        }
        try await eventually("the stream to open") { scaler.metric("kedastral_scaler_streams") == 1 }
        task.cancel()
        #expect(try await failure { try await task.value }.code == "CANCELLED")
        try await eventually("the stream to be freed") { scaler.metric("kedastral_scaler_streams") == 0 }
      }
    }
  }

  @Test("hundreds of calls at once share the connection")
  func concurrent() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      try await calling(scaler.port) { client in
        try await withThrowingTaskGroup(of: Bool.self) { group in
          for _ in 0..<500 { group.addTask { try await client.isActive(object("api")) } }
          for try await isActive in group { #expect(isActive) }
        }
        #expect(scaler.metric("kedastral_scaler_grpc_connections") == 1)
      }
    }
  }

  @Test("a connection that the server ends for its age is replaced, and no call is lost")
  func connectionAge() async throws {
    var limits = GRPCLimits()
    limits.connectionAge = .milliseconds(300)
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      try await calling(scaler.port) { client async throws in
        let end = ContinuousClock.now + .seconds(2)
        while ContinuousClock.now < end { #expect(try await client.isActive(object("api"))) }
      }
    }
  }

  @Test("a server that has gone fails calls with UNAVAILABLE; when it is back, calls succeed")
  func restart() async throws {
    let scaler = try await TestScaler()
    try await calling(scaler.port) { client async throws in
      #expect(try await failure { try await client.isActive(object("api")) }.code == "NOT_FOUND")
      await scaler.server.shutdown(within: .zero)
      #expect(try await failure { try await client.isActive(object("api")) }.code == "UNAVAILABLE")
    }
  }

  @Test("a closed client fails its calls and all later ones")
  func closed() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      try await calling(scaler.port) { client in
        let task = Task { for try await _ in client.streamIsActive(object("api")) {} }
        try await eventually("the stream to open") { scaler.metric("kedastral_scaler_streams") == 1 }
        await client.client.close()
        #expect(try await failure { try await task.value }.code == "CANCELLED")
        #expect(try await failure { try await client.isActive(object("api")) }.code == "CANCELLED")
      }
    }
  }
}
