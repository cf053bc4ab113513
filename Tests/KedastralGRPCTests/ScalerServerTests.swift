import Foundation
import KedastralCore
import KedastralGRPC
import KedastralNet
import TestSupport
import Testing

@Suite("The external scaler, by the official client")
struct ScalerServerTests {
  @Test("answers IsActive, GetMetricSpec and GetMetrics from the plan, by the ScaledObject's name alone")
  func defaults() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.call("IsActive", "api").active == true)
      let spec = try await client.call("GetMetricSpec", "api")
      #expect(spec.metric == "kedastral-api")
      #expect(spec.integer == 1)
      #expect(spec.value == 1)
      // The default lead of five minutes covers the peak of 9 in the third minute.
      let value = try await client.call("GetMetrics", "api", [:], ["metric": "s0-kedastral-api"])
      #expect(value.metric == "s0-kedastral-api")
      #expect(value.integer == 9)
      #expect(value.value == 9)
      #expect(scaler.metric("kedastral_scaler_desired_replicas_returned", "api") == 9)
      #expect(scaler.metric("kedastral_scaler_grpc_requests_total", "GetMetrics", "OK") == 1)
    }
  }

  @Test("a plan's own lead time counts for triggers that set none, for values, activity and trailers")
  func ownLeadTime() async throws {
    var plan = try Snapshot.plan()
    plan.leadTime = WorkloadLeadTime(.seconds(100))
    try await TestScaler.serving([plan]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      func value(_ metadata: [String: String]) async throws -> Double? {
        try await client.call("GetMetrics", "api", metadata, ["metric": "s0-kedastral-api"]).value
      }
      #expect(try await value([:]) == 3, "the peak of 9 is more than 100 seconds ahead")
      #expect(try await value(["leadTime": "auto"]) == 3)
      #expect(try await value(["leadTime": "5m"]) == 9)
      #expect(try await value(["leadTime": "0s"]) == 2)
      #expect(try await client.call("IsActive", "api", ["activationThreshold": "600"]).active == false)
      #expect(
        try await client.call("IsActive", "api", ["activationThreshold": "600", "leadTime": "5m"]).active == true)
    }
  }

  @Test(
    "a metric specification is returned in every state of the workload, also by streams",
    arguments: ["no plan", "dry run", "stale", "ahead", "bridged for too long", "no planned load", "served"])
  func specification(state: String) async throws {
    var plan = try Snapshot.plan()
    switch state {
    case "dry run": plan.isDryRun = true
    case "stale": plan = try .plan(at: TestScaler.start - .seconds(3600))
    case "ahead": plan = try .plan(at: TestScaler.start + .seconds(3600))
    case "bridged for too long": plan.bridgedUntil = TestScaler.start - .seconds(1)
    case "no planned load": plan.plannedLoad = []
    default: break
    }
    try await TestScaler.serving(state == "no plan" ? [] : [plan]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      for (mode, target) in [("replicas", 1.0), ("load", 1000)] {
        let spec = try await client.call("GetMetricSpec", "api", ["mode": mode])
        #expect(spec.metric == "kedastral-api" && spec.value == target && spec.integer == Int64(target))
        let told = try await client.stream("StreamMetricSpec", "api", ["mode": mode]).next()
        #expect(told.metric == "kedastral-api" && told.value == target)
      }
      let value = try await client.call("GetMetrics", "api", ["mode": "load"])
      #expect((value.code == "OK") == (state == "served"))
    }
  }

  @Test("a bridged plan is served until the bridge time ends, and then says since when there was no sample")
  func bridged() async throws {
    var plan = try Snapshot.plan()
    plan.newestSampleAt = TestScaler.start - .seconds(600)
    plan.bridgedUntil = TestScaler.start + .seconds(60)
    plan.problem = "connection refused"
    try await TestScaler.serving([plan]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      scaler.clock.advance(by: .seconds(60))
      #expect(try await client.call("GetMetrics", "api").code == "OK")
      #expect(try await client.call("IsActive", "api").active == true)
      scaler.clock.advance(by: .seconds(1))
      let answer = try await client.call("GetMetrics", "api")
      #expect(answer.code == "UNAVAILABLE")
      let message = answer.message ?? ""
      #expect(message.contains("no sample since") && message.contains("(connection refused)"), "\(message)")
      #expect(try await client.call("IsActive", "api").active == false)
    }
  }

  @Test("whole numbers alone give the replicas that were planned, in both modes, at any load")
  func wholeNumbers() async throws {
    for (replicas, load) in [(1, 0.4), (3, 207.3), (9, 899.99), (9, 2500), (4, 12)] {
      try await TestScaler.serving([try .plan(replicas: [replicas], load: [load])]) { scaler in
        let client = try await PythonClient(port: scaler.port)
        for mode in ["replicas", "load"] {
          let target = try #require(try await client.call("GetMetricSpec", "api", ["mode": mode]).integer)
          let value = try #require(try await client.call("GetMetrics", "api", ["mode": mode]).integer)
          #expect((Double(value) / Double(target)).rounded(.up) == Double(replicas), "\(mode) \(load)")
        }
      }
    }
  }

  @Test("what is refused is logged when it begins and when it ends, once for each workload and reason")
  func refusalLog() async throws {
    var dry = try Snapshot.plan("dry")
    dry.isDryRun = true
    try await TestScaler.serving(
      [dry, try .plan("old")], problem: { $0 == "nobody" ? "its source is unavailable" : nil }
    ) {
      scaler in
      let client = try await PythonClient(port: scaler.port)
      scaler.clock.advance(by: .seconds(130))
      for _ in 0..<3 {
        for workload in ["dry", "old", "nobody"] {
          _ = try await client.call("GetMetrics", workload)
          _ = try await client.call("IsActive", workload)
        }
        _ = try await client.call("GetMetrics", "old", ["mode": "pods"])
      }
      func lines(_ level: String) -> [String] {
        scaler.log.lines.filter { $0.hasPrefix("\(level) ") && $0.contains("KEDA") }.sorted()
      }
      #expect(
        lines("warn") == [
          "warn refusing KEDA workload=dry reason=dry run code=FAILED_PRECONDITION error=workload 'dry' is a dry run: its plan is not served",
          "warn refusing KEDA workload=nobody reason=no plan code=NOT_FOUND error=no forecast for workload 'nobody': its source is unavailable",
          "warn refusing KEDA workload=old reason=bad trigger code=INVALID_ARGUMENT error=metadata mode is 'pods'; write replicas or load",
          "warn refusing KEDA workload=old reason=stale code=UNAVAILABLE error=the forecast of workload 'old' is not served: it is 2m10s old, stale after 2m",
        ])
      #expect(scaler.metric("kedastral_scaler_grpc_requests_total", "IsActive", "NOT_FOUND") == 3)
      #expect(scaler.metric("kedastral_scaler_grpc_requests_total", "GetMetrics", "UNAVAILABLE") == 3)
      scaler.clock.advance(by: .seconds(20))
      await scaler.put([try .plan("old", at: scaler.clock.now), try .plan("nobody", at: scaler.clock.now)])
      for _ in 0..<2 {
        for workload in ["old", "nobody"] { #expect(try await client.call("GetMetrics", workload).code == "OK") }
      }
      #expect(
        lines("info") == [
          "info answering KEDA again workload=nobody reason=no plan refused=6 for=20s",
          "info answering KEDA again workload=old reason=stale refused=3 for=20s",
        ])
      scaler.clock.advance(by: .seconds(601))
      try await eventually("refusals without further requests to be removed") { lines("info").count == 4 }
    }
  }

  @Test("unknown keys are logged and counted once for each trigger, with a suggestion")
  func unknownKeys() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let known = [
        "scalerAddress": "a:1", "enableTLS": "true", "unsafeSsl": "false", "caCert": "c", "tlsClientCert": "c",
        "tlsClientKey": "k", "tlsCertFile": "f", "workload": "api", "leadTime": "5m",
      ]
      _ = try await client.call("GetMetrics", "api", known)
      #expect(scaler.metric("kedastral_scaler_unknown_metadata_total") == 0)
      for _ in 0..<3 {
        for (key, words) in [
          ("leadtime", "did you mean 'leadTime'?"), ("lead_time", "did you mean 'leadTime'?"),
          ("activationTreshold", "did you mean 'activationThreshold'?"),
          ("colour", "known keys are workload, metricName"),
        ] {
          #expect(try await client.call("GetMetrics", "api", [key: "45m"]).code == "OK")
          #expect(try await client.call("GetMetricSpec", "api", [key: "45m"]).code == "OK")
          let lines = scaler.log.lines.filter { $0.contains("'\(key)'") }
          #expect(lines.count == 1 && lines[0].contains(words), "\(lines)")
        }
      }
      #expect(scaler.metric("kedastral_scaler_unknown_metadata_total") == 4)
    }
  }

  @Test(
    "a forecast that is shorter than the lead time is sent with its length as a trailer, and no other answer has one")
  func shortForecast() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let cases: [(leadTime: String, trailers: [String: String])] = [
        ("5m", [:]), ("10m", [:]), ("10m1s", ["kedastral-forecast-seconds": "600"]),
        ("45m", ["kedastral-forecast-seconds": "600"]),
      ]
      for mode in ["replicas", "load"] {
        for (leadTime, trailers) in cases {
          let answer = try await client.call("GetMetrics", "api", ["leadTime": leadTime, "mode": mode])
          #expect(answer.code == "OK" && answer.trailers == trailers, "\(leadTime) \(mode)")
          for method in ["IsActive", "GetMetricSpec"] {
            #expect(try await client.call(method, "api", ["leadTime": leadTime, "mode": mode]).trailers == [:])
          }
        }
      }
      let refused = try await client.call("GetMetrics", "nobody", ["leadTime": "45m"])
      #expect(refused.code == "NOT_FOUND" && refused.trailers == nil)
    }
  }

  @Test("the series of a workload that is gone go with it")
  func goneWorkload() async throws {
    try await TestScaler.serving([try .plan(replicas: [1, 2])]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.call("GetMetrics", "api", ["leadTime": "1h"]).code == "OK")
      let names = [
        "kedastral_scaler_desired_replicas_returned", "kedastral_scaler_forecast_age_seen_seconds",
        "kedastral_scaler_lead_beyond_horizon_total",
      ]
      for name in names { #expect(scaler.metric(name, "api") != nil) }
      await scaler.apply([.removed(try WorkloadName("api"))])
      #expect(try await client.call("GetMetrics", "api").code == "NOT_FOUND")
      for name in names { #expect(scaler.metric(name, "api") == nil, "\(name)") }
    }
  }

  @Test("with several loops, the series of a workload that is gone go with it, and come back with it")
  func goneFromAllLoops() async throws {
    let scaler = try await TestScaler(loops: 4)
    let names = [
      "kedastral_scaler_desired_replicas_returned", "kedastral_scaler_forecast_age_seen_seconds",
      "kedastral_scaler_lead_beyond_horizon_total",
    ]
    /// Has the loops answer on connections of many clients, which the system spreads over them.
    func ask() async throws -> Set<Double> {
      try await withThrowingTaskGroup(of: Double.self) { group in
        for _ in 0..<24 {
          group.addTask {
            try await calling(scaler.port) { client in
              try await client.getMetrics(object("api", ["leadTime": "1h"]), metric: "").first?.value ?? -1
            }
          }
        }
        return try await group.reduce(into: []) { $0.insert($1) }
      }
    }
    for replicas in 2...4 {
      await scaler.put([try .plan(replicas: [1, replicas])])
      #expect(try await ask() == [Double(replicas)])
      for name in names { #expect(scaler.metric(name, "api") != nil, "\(name)") }
      #expect(scaler.metric(names[0], "api") == Double(replicas))
      #expect(scaler.metric(names[2], "api") == 24)
      await scaler.apply([.removed(try WorkloadName("api"))])
      try await eventually("all loops to have heard of it") {
        names.allSatisfy { scaler.metric($0, "api") == nil }
      }
      for _ in 0..<8 {
        let error = try await calling(scaler.port) { client in
          try await failure { try await client.getMetrics(object("api"), metric: "") }
        }
        #expect(error.code == "NOT_FOUND")
      }
      for name in names { #expect(scaler.metric(name, "api") == nil, "\(name)") }
    }
    await scaler.server.shutdown(within: .zero)
  }

  @Test("a dry run is not served")
  func dryRun() async throws {
    var plan = try Snapshot.plan()
    plan.isDryRun = true
    try await TestScaler.serving([plan]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      for method in ["GetMetrics", "IsActive"] {
        let answer = try await client.call(method, "api")
        #expect(answer.code == "FAILED_PRECONDITION")
        #expect(answer.message == "workload 'api' is a dry run: its plan is not served")
      }
    }
  }

  @Test("every metadata key is applied, and foreign keys are not an error")
  func metadata() async throws {
    try await TestScaler.serving([try .plan("shop")]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      func value(_ metadata: [String: String]) async throws -> PythonClient.Answer {
        let metadata = metadata.merging(["workload": "shop", "scalerAddress": "scaler.kedastral:50051"]) { $1 }
        return try await client.call("GetMetrics", "another-name", metadata)
      }
      #expect(try await value(["leadTime": "60s"]).value == 2)
      #expect(try await value(["leadTime": "2m"]).value == 3)
      #expect(try await value(["leadTime": "4m"]).value == 9)
      #expect(try await value(["leadTime": "4m", "select": "at-lead"]).value == 4)
      #expect(try await value(["leadTime": "9m", "select": "at-lead"]).value == 1)
      #expect(try await value(["metricName": "visits"]).metric == "visits")
      let load = try await value(["mode": "load", "leadTime": "2m"])
      #expect(load.value == 2875)
      #expect(load.integer == 2875)
      let spec = try await client.call(
        "GetMetricSpec", "x", ["workload": "shop", "mode": "load", "metricName": "visits"])
      #expect(spec.metric == "visits")
      #expect(spec.value == 1000)
      #expect(spec.integer == 1000)
    }
  }

  @Test("the answer is the plan's maximum from now to now + lead while the clock moves")
  func movingClock() async throws {
    let plan = try Snapshot.plan(replicas: [4, 4, 4, 8, 8, 8, 5, 5, 2, 2, 2, 2])
    try await TestScaler.serving([plan], defaults: ScalerDefaults(staleAfter: .seconds(3600))) { scaler in
      let client = try await PythonClient(port: scaler.port)
      for elapsed in stride(from: 0, to: 11 * 60, by: 40) {
        let lead = 180
        // Steps from the one that holds now to the one that ends at or behind now + lead.
        let steps = (elapsed / 60)...min(plan.desiredReplicas.count - 1, (elapsed + lead + 59) / 60 - 1)
        let value = try await client.call("GetMetrics", "api", ["leadTime": "3m"]).value
        #expect(value == Double(plan.desiredReplicas[steps].max() ?? -1), "after \(elapsed) s")
        scaler.clock.advance(by: .seconds(40))
      }
    }
  }

  @Test("a new snapshot is served at once, an older one never")
  func updates() async throws {
    try await TestScaler.serving([try .plan(replicas: [3])]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.call("GetMetrics", "api").value == 3)
      await scaler.put([try .plan(replicas: [6], at: TestScaler.start + .seconds(30))])
      #expect(try await client.call("GetMetrics", "api").value == 6)
      await scaler.put([try .plan(replicas: [4])])
      #expect(try await client.call("GetMetrics", "api").value == 6)
      await scaler.apply([.removed(try WorkloadName("api"))])
      #expect(try await client.call("GetMetrics", "api").code == "NOT_FOUND")
    }
  }

  @Test("a stale plan makes IsActive false and GetMetrics UNAVAILABLE, so that KEDA's fallback applies")
  func stale() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      scaler.clock.advance(by: .seconds(120))
      #expect(try await client.call("GetMetrics", "api").code == "OK")
      scaler.clock.advance(by: .seconds(1))
      let answer = try await client.call("GetMetrics", "api")
      #expect(answer.code == "UNAVAILABLE")
      #expect(answer.message == "the forecast of workload 'api' is not served: it is 2m1s old, stale after 2m")
      #expect(try await client.call("IsActive", "api").active == false)
      #expect(try await client.call("GetMetricSpec", "api").value == 1)
      #expect(scaler.metric("kedastral_scaler_forecast_age_seen_seconds", "api") == 121)
    }
  }

  @Test("a clock that jumps an hour makes plans unavailable, not wrong; when it is right again they are served")
  func clockJumps() async throws {
    try await TestScaler.serving([try .plan(replicas: [3, 5])]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      for (jump, words) in [(3600, "it is 1h old"), (-3600, "its date is 1h ahead of this clock")] {
        scaler.clock.advance(by: .seconds(jump))
        let answer = try await client.call("GetMetrics", "api")
        #expect(answer.code == "UNAVAILABLE")
        #expect(answer.message == "the forecast of workload 'api' is not served: \(words), stale after 2m")
        #expect(try await client.call("IsActive", "api").active == false)
        scaler.clock.advance(by: .seconds(-jump))
        #expect(try await client.call("GetMetrics", "api").value == 5)
      }
      // A forecaster whose clock was ahead for a moment does not keep its later plans out.
      await scaler.put([try .plan(replicas: [9], at: TestScaler.start + .seconds(3600))])
      #expect(try await client.call("GetMetrics", "api").code == "UNAVAILABLE")
      await scaler.put([try .plan(replicas: [4], at: TestScaler.start + .seconds(1))])
      #expect(try await client.call("GetMetrics", "api").value == 4)
    }
  }

  @Test("with an activation threshold, active means that more load is planned before the lead time ends")
  func activation() async throws {
    let plan = try Snapshot.plan(replicas: [0, 0, 0, 1, 1], load: [0, 0, 0, 50, 80])
    try await TestScaler.serving([plan]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      func isActive(_ threshold: String, lead: String) async throws -> Bool? {
        try await client.call("IsActive", "api", ["activationThreshold": threshold, "leadTime": lead]).active
      }
      #expect(try await isActive("0", lead: "3m") == false)
      #expect(try await isActive("0", lead: "4m") == true)
      #expect(try await isActive("50", lead: "4m") == false)
      #expect(try await isActive("50", lead: "5m") == true)
      scaler.clock.advance(by: .seconds(60))
      #expect(try await isActive("0", lead: "3m") == true)
    }
  }

  @Test("a plan without planned load is activated by its forecast, and refuses mode load")
  func foreignSnapshot() async throws {
    var plan = try Snapshot.plan()
    plan.plannedLoad = []
    plan.targetPerPod = nil
    try await TestScaler.serving([plan]) { [plan] scaler in
      _ = plan
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.call("IsActive", "api", ["activationThreshold": "100"]).active == true)
      #expect(try await client.call("IsActive", "api", ["activationThreshold": "10000"]).active == false)
      let answer = try await client.call("GetMetrics", "api", ["mode": "load"])
      #expect(answer.code == "FAILED_PRECONDITION")
      #expect(answer.message?.contains("use mode replicas") == true)
    }
  }

  @Test("a lead beyond the horizon uses its end, is counted, and logged once")
  func beyondHorizon() async throws {
    try await TestScaler.serving([try .plan(replicas: [1, 2, 3])]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      for _ in 0..<5 { #expect(try await client.call("GetMetrics", "api", ["leadTime": "1h"]).value == 3) }
      #expect(scaler.metric("kedastral_scaler_lead_beyond_horizon_total", "api") == 5)
      let lines = scaler.log.lines.filter { $0.contains("beyond the forecast") }
      #expect(
        lines == ["warn lead time reaches beyond the forecast; its end is used workload=api leadTime=1h horizon=3m"])
    }
  }

  @Test("the delay of plans is reported, for those that replace an earlier one")
  func delay() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      func counts() -> [Int]? {
        scaler.metrics.all.first { $0.name == "kedastral_scaler_forecast_delay_seconds" }?.all.first?.cumulativeCounts
      }
      #expect(counts()?.last == 0)
      scaler.clock.advance(by: .seconds(60))
      // 150 ms on the way: more than 0.1 s (the seventh bound), at most 0.2 s.
      await scaler.put([try .plan(at: TestScaler.start + .milliseconds(59_850))])
      try await eventually("the delay to be reported") { counts()?.last == 1 }
      #expect(counts()?[6] == 0 && counts()?[7] == 1)
    }
  }

  @Test("bad requests are refused with the key, the value and what would be right")
  func badRequests() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      func refusal(_ metadata: [String: String], name: String = "api") async throws -> String {
        let answer = try await client.call("GetMetrics", name, metadata)
        return "\(answer.code ?? "") \(answer.message ?? "")"
      }
      let durations = "write auto, or a duration such as 90s, 5m or 1h30m"
      #expect(try await refusal(["leadTime": "5"]) == "INVALID_ARGUMENT metadata leadTime is '5'; \(durations)")
      #expect(try await refusal(["leadTime": "-5m"]) == "INVALID_ARGUMENT metadata leadTime is '-5m'; \(durations)")
      #expect(try await refusal(["leadTime": ""]) == "INVALID_ARGUMENT metadata leadTime is ''; \(durations)")
      #expect(
        try await refusal(["mode": "pods"]) == "INVALID_ARGUMENT metadata mode is 'pods'; write replicas or load")
      #expect(
        try await refusal(["select": "min"]) == "INVALID_ARGUMENT metadata select is 'min'; write max or at-lead")
      #expect(
        try await refusal(["activationThreshold": "much"])
          == "INVALID_ARGUMENT metadata activationThreshold is 'much'; write a load of 0 or more, such as 10 or 0.5")
      #expect(try await refusal(["workload": "nobody"]) == "NOT_FOUND no forecast for workload 'nobody'")
      #expect(
        try await refusal(["workload": "größe 100%"]).hasPrefix("INVALID_ARGUMENT 'größe 100%' is not a workload name"))
      #expect(try await refusal([:], name: "").hasPrefix("INVALID_ARGUMENT the workload is missing"))
      #expect(try await client.call("IsActive", "nobody").code == "NOT_FOUND")
      #expect(try await client.call("GetMetricSpec", "nobody").code == "OK")
      for trigger in [["mode": "pods"], ["workload": "größe 100%"], ["workload": ""]] {
        #expect(try await client.call("GetMetricSpec", "api", trigger).code == "INVALID_ARGUMENT", "\(trigger)")
      }
      #expect(scaler.metric("kedastral_scaler_grpc_requests_total", "GetMetrics", "NOT_FOUND") == 1)
    }
  }

  @Test("malformed protobuf, unknown methods and unknown services get their status codes")
  func malformed() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let getMetrics = "/externalscaler.ExternalScaler/GetMetrics"
      for hex in ["ff", "0a", "0affffffff0f", "0a03616263", "0a0412020aff"] {
        let answer = try await client.call(getMetrics, "", [:], ["hex": hex])
        #expect(answer.code == "INVALID_ARGUMENT", "\(hex)")
      }
      let empty = try await client.call(getMetrics, "", [:], ["hex": ""])
      #expect(empty.message == "the request has no scaledObjectRef")
      // Unknown fields are not an error: KEDA may add some.
      let unknownField = try await client.call(getMetrics, "", [:], ["hex": "0a050a0361706922" + "0378797a"])
      #expect(unknownField.code == "OK")
      let method = try await client.call("/externalscaler.ExternalScaler/Nothing")
      #expect(method.code == "UNIMPLEMENTED")
      #expect(method.message == "unknown method /externalscaler.ExternalScaler/Nothing")
      #expect(try await client.call("/Nothing").code == "UNIMPLEMENTED")
    }
  }

  @Test("messages compressed with gzip are read; other codings are refused with what is accepted")
  func compression() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let gzip = try await client.call(
        "GetMetrics", "api", ["note": String(repeating: "a", count: 5000)], ["compression": "gzip"])
      #expect(gzip.value == 9)
      let deflate = try await client.call(
        "GetMetrics", "api", ["note": String(repeating: "a", count: 5000)], ["compression": "deflate"])
      #expect(deflate.code == "UNIMPLEMENTED")
    }
  }

  @Test("a message over the limit is refused, plain or compressed, and the connection stays open")
  func messageLimit() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try await PythonClient(port: scaler.port)
      for coding in ["none", "gzip"] {
        let big = ["note": String(repeating: "a", count: 5 << 20)]
        let answer = try await client.call("GetMetrics", "api", big, ["compression": coding])
        #expect(answer.code == "RESOURCE_EXHAUSTED", "\(coding)")
        let large = ["note": String(repeating: "a", count: 4_000_000)]
        #expect(try await client.call("GetMetrics", "api", large, ["compression": coding]).value == 9, "\(coding)")
      }
    }
  }

  @Test("an answer over the limit is refused as well")
  func answerLimit() async throws {
    var limits = GRPCLimits()
    limits.messageBytes = 20
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.call("IsActive", "api").active == true)
      #expect(try await client.call("GetMetrics", "api").code == "RESOURCE_EXHAUSTED")
    }
  }

  @Test("a connection serves any amount of requests, one after another")
  func manyLargeCalls() async throws {
    var limits = GRPCLimits()
    limits.bufferedBytesPerConnection = 1 << 20
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let client = try await PythonClient(port: scaler.port)
      let large: [String: any Sendable] = [
        "do": "many", "method": "GetMetrics", "name": "api", "count": 20,
        "metadata": ["note": String(repeating: "a", count: 900_000)],
      ]
      #expect(try await client.perform(large).counts == ["OK": 20])
      let small: [String: any Sendable] = ["do": "many", "method": "GetMetrics", "name": "api", "count": 2000]
      #expect(try await client.perform(small).counts == ["OK": 2000])
    }
  }

  @Test("h2load's calls on many streams of many connections are all answered well")
  func h2load() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let folder = try TemporaryFolder()
      // A GetMetricsRequest of workload api, behind its gRPC prefix.
      let body = try folder.write("\0\0\0\0\u{7}\u{A}\u{5}\u{A}\u{3}api", to: "body")
      let process = try ChildProcess(
        "h2load", "-c10", "-m20", "-n20000", "-H", "content-type: application/grpc", "-H", "te: trailers", "-d", body,
        "http://127.0.0.1:\(scaler.port)/externalscaler.ExternalScaler/GetMetrics")
      #expect(try await process.waitForExit() == 0)
      #expect(process.output.contains("20000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(process.output)")
      // The last calls are counted once their bytes have left, which the client may notice first.
      try await eventually("all calls are counted") {
        scaler.metric("kedastral_scaler_grpc_requests_total", "GetMetrics", "OK") == 20_000
      }
    }
  }

  @Test("a port in use stops the start, naming the address, however many loops are wanted", arguments: [1, 2])
  func portInUse(loops: Int) async throws {
    let first = try await TestScaler(loops: loops)
    let address = await first.server.address
    let second = ScalerServer(address: address, loops: loops, metrics: MetricsRegistry())
    let error = await #expect(throws: Listener.ListenError.self) { try await second.start() }
    #expect(error?.description == "cannot listen on \(address): the port is in use by another process")
    await first.server.shutdown(within: .zero)
  }

  @Test("calls wait for a server that is still to come, and several loops share its port")
  func loopsAndLateStart() async throws {
    let scaler = try await TestScaler(loops: 2)
    await scaler.put([try .plan()])
    for _ in 0..<4 {
      let client = try await PythonClient(port: scaler.port)
      #expect(try await client.call("GetMetrics", "api", [:], ["waitForReady": true]).value == 9)
    }
    await scaler.server.shutdown(within: .seconds(1))
  }
}
