import Foundation
import KedastralCore
import KedastralGRPC
import TestSupport
import Testing

@Suite("State streams")
struct StreamTests {
  @Test("StreamIsActive tells the state at once, and then every change: staleness, a fresh plan, removal")
  func activity() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let stream = try client.stream("StreamIsActive", "api")
      #expect(try await stream.next().active == true)
      scaler.clock.advance(by: .seconds(121))
      #expect(try await stream.next().active == false)
      await scaler.put([try .plan(at: scaler.clock.now)])
      #expect(try await stream.next().active == true)
      // Nothing has changed, so nothing is sent.
      await scaler.put([try .plan(at: scaler.clock.now)])
      await scaler.apply([.removed(try WorkloadName("api"))])
      let end = try await stream.next()
      #expect(end.code == "NOT_FOUND")
      #expect(end.message == "no forecast for workload 'api'")
    }
  }

  @Test("a stream with an activation threshold tells when load comes into the lead time, by the clock alone")
  func activation() async throws {
    let plan = try Snapshot.plan(replicas: [0, 0, 0, 1, 1], load: [0, 0, 0, 50, 80])
    try await TestScaler.serving([plan], defaults: ScalerDefaults(staleAfter: .seconds(3600))) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let stream = try client.stream("StreamIsActive", "api", ["activationThreshold": "10", "leadTime": "2m"])
      #expect(try await stream.next().active == false)
      scaler.clock.advance(by: .seconds(90))
      #expect(try await stream.next().active == true)
    }
  }

  @Test("StreamMetricSpec tells the metric at once; its target is the same whatever becomes of the plan")
  func specification() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let stream = try client.stream("StreamMetricSpec", "api", ["mode": "load"])
      let spec = try await stream.next()
      #expect(spec.value == 1000 && spec.metric == "kedastral-api")
      var plan = try Snapshot.plan()
      plan.targetPerPod = 250
      await scaler.put([plan])
      await scaler.apply([.removed(try WorkloadName("api"))])
      #expect(try await client.call("GetMetricSpec", "api", ["mode": "load"]).value == 1000)
      #expect(stream.unreadCount == 0)
    }
  }

  @Test("bad metadata and unknown workloads end a stream with their status before any message")
  func refused() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.stream("StreamIsActive", "api", ["mode": "x"]).next().code == "INVALID_ARGUMENT")
      #expect(try await client.stream("StreamIsActive", "nobody").next().code == "NOT_FOUND")
    }
  }

  @Test("a cancelled stream and one past its deadline are freed")
  func freed() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let cancelled = try client.stream("StreamIsActive", "api")
      let late = try client.stream("StreamIsActive", "api", [:], ["timeout": 0.3])
      let open = try client.stream("StreamIsActive", "api")
      for stream in [cancelled, late, open] { #expect(try await stream.next().active == true) }
      try await cancelled.cancel()
      #expect(try await cancelled.next().code == "CANCELLED")
      #expect(try await late.next().code == "DEADLINE_EXCEEDED")
      try await eventually("one stream left") { scaler.metric("kedastral_scaler_streams") == 1 }
    }
  }

  @Test("shutting down ends streams with OK, so that clients go elsewhere at once, and lets go of the port")
  func shutdown() async throws {
    let scaler = try await TestScaler()
    await scaler.put([try .plan()])
    let client = try await PythonClient(port: scaler.port)
    let stream = try client.stream("StreamIsActive", "api")
    #expect(try await stream.next().active == true)
    await scaler.server.shutdown(within: .seconds(10))
    #expect(try await stream.next().code == "OK")
    #expect(try await client.call("IsActive", "api", [:], ["timeout": 60]).code == "UNAVAILABLE")
    #expect(scaler.metric("kedastral_scaler_grpc_connections") == 0)
    #expect(scaler.metric("kedastral_scaler_streams") == 0)
    await scaler.server.shutdown(within: .seconds(10))
  }

  @Test("at a connection's age its streams end with OK, and a new one is served by the next connection")
  func connectionAge() async throws {
    var limits = GRPCLimits()
    limits.connectionAge = .milliseconds(500)
    limits.connectionAgeGrace = .milliseconds(200)
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let client = try await PythonClient(port: scaler.port)
      for method in ["StreamIsActive", "StreamMetricSpec", "Watch"] {
        let stream = try client.stream(method, method == "Watch" ? "" : "api")
        _ = try await stream.next()
        #expect(try await stream.next().code == "OK", "\(method)")
      }
    }
  }

  @Test("pings of both sides keep a silent stream of the official client alive")
  func keepAlive() async throws {
    var limits = GRPCLimits()
    limits.keepAliveInterval = .milliseconds(200)
    limits.keepAliveTimeout = .seconds(20)
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let options: [String: any Sendable] = [
        "grpc.keepalive_time_ms": 100, "grpc.keepalive_permit_without_calls": 1,
        "grpc.http2.max_pings_without_data": 0,
      ]
      let client = try await PythonClient(port: scaler.port, ["options": options])
      let stream = try client.stream("StreamIsActive", "api", [:], ["timeout": 60])
      #expect(try await stream.next().active == true)
      // As long as it takes the server to ask another client four times.
      let other = try RawClient.greeted(port: scaler.port)
      for _ in 0..<4 {
        #expect(other.next(type: 6)?.flags == 0)
        other.send(.ping(1))
      }
      #expect(stream.unreadCount == 0)
      scaler.clock.advance(by: .seconds(121))
      #expect(try await stream.next().active == false)
    }
  }

  @Test("health follows the host's readiness, for the server and its service")
  func health() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.call("Check").health == "NOT_SERVING")
      let watch = try client.stream("Watch", "externalscaler.ExternalScaler")
      #expect(try await watch.next().health == "NOT_SERVING")
      await scaler.server.setReady(true)
      #expect(try await watch.next().health == "SERVING")
      #expect(try await client.call("Check").health == "SERVING")
      #expect(try await client.call("Check", "externalscaler.ExternalScaler").health == "SERVING")
      #expect(try await client.call("Check", "other").code == "NOT_FOUND")
      #expect(try await client.stream("Watch", "other").next().health == "SERVICE_UNKNOWN")
      await scaler.server.setReady(false)
      #expect(try await watch.next().health == "NOT_SERVING")
    }
  }
}

@Suite("Server reflection")
struct ReflectionTests {
  @Test("a client without our .proto files finds services, methods and fields, and receives errors for unknown ones")
  func reflection() async throws {
    try await TestScaler.serving([]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let answer = try await client.perform(["do": "reflect"])
      #expect(answer.code == "OK")
      #expect(
        answer.services == [
          "externalscaler.ExternalScaler", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection",
        ])
      #expect(answer.fields == ["name", "namespace", "scalerMetadata"])
      #expect(
        answer.methods == ["IsActive", "StreamIsActive", "GetMetricSpec", "StreamMetricSpec", "GetMetrics"])
      #expect(answer.missing?.contains("externalscaler.Nothing") == true)
    }
  }
}
