import Foundation
import KedastralCore
import KedastralHTTP
import KedastralModels
import KedastralTesting
import TestSupport
import Testing

@Suite("Forecast API")
struct ForecastAPITests {
  @Test("the current forecast is the snapshot, marked when it is stale")
  func current() async throws {
    let server = try await TestServer()
    let snapshot = try TestServer.snapshot("api-app")
    try await server.apply(.put(snapshot))
    let address = server.url + "/forecast/current?workload=api-app"

    let fresh = try await curl(address)
    #expect(fresh.status == 200)
    #expect(fresh.headers["content-type"] == "application/json")
    #expect(fresh.headers["x-kedastral-stale"] == nil)
    #expect(try Snapshot(json: Data(fresh.body.utf8)) == snapshot)

    server.clock.advance(by: .seconds(61))
    #expect(try await curl(address).headers["x-kedastral-stale"] == "true")

    let next = try TestServer.snapshot("api-app", at: server.clock.now, model: "next")
    try await server.apply(.put(next))
    let renewed = try await curl(address)
    #expect(try Snapshot(json: Data(renewed.body.utf8)) == next)
    #expect(renewed.headers["x-kedastral-stale"] == nil)
    await server.shutdown()
  }

  @Test(
    "errors are returned as JSON",
    arguments: [
      ("/forecast/current", 400, "the parameter 'workload' is missing"),
      ("/forecast/current?workload=", 400, "is not a workload name"),
      ("/forecast/current?workload=a%20b", 400, "'a b' is not a workload name"),
      ("/forecast/current?workload=..%2f..%2fetc", 400, "'../../etc' is not a workload name"),
      ("/forecast/current?workload=%ff%00%", 400, "is not a workload name"),
      ("/forecast/current?workload=ghost", 404, "there is no forecast for workload 'ghost'"),
      ("/history?workload=ghost", 404, "there is no forecast for workload 'ghost'"),
      ("/history?workload=ghost&points=0", 400, "'points' is '0', expected 1 to 10080"),
      ("/configuration", 400, "the parameter 'workload' is missing"),
      ("/configuration?workload=ghost", 404, "there is no forecast for workload 'ghost'"),
      ("/nothing", 404, "there is nothing at '/nothing'"),
    ])
  func failures(target: String, status: Int, problem: String) async throws {
    let server = try await TestServer()
    let answer = try await curl(server.url + target, "--path-as-is")
    #expect(answer.status == status)
    #expect(answer.headers["content-type"] == "application/json")
    #expect((answer.json["error"] as? String)?.contains(problem) == true, "\(answer.body)")
    await server.shutdown()
  }

  @Test("a trial of a shortage cost requires a forecast with quantiles")
  func shortageCost() async throws {
    struct Sure: Model {
      let name = "sure"
      func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
        Forecast(start: history.end, step: history.step, values: Array(repeating: 100, count: steps), model: name)
      }
    }
    let server = try await TestServer(keepsRecords: true)
    for (name, model) in [("sure", Sure() as any Model), ("weighed", SeasonalBaseline())] {
      try await server.forecast(
        Workload(
          name: WorkloadName(name), metric: "load", source: ScriptedSource { _ in 100 }, model: model,
          policy: try StandardCapacityPolicy(targetPerPod: 50), window: .seconds(12 * 3600)))
    }
    let refused = try await curl(server.url + "/whatif?workload=sure&shortageCost=30")
    #expect(refused.status == 400)
    #expect((refused.json["error"] as? String)?.contains("too few quantiles") == true, "\(refused.body)")
    let tried = try await curl(server.url + "/whatif?workload=weighed&shortageCost=30")
    #expect((tried.json["explanation"] as? [String: Any])?["shortageCost"] as? Double == 30, "\(tried.body)")
    await server.shutdown()
  }

  @Test("the configuration to copy follows the settings being tried")
  func texts() async throws {
    let server = try await TestServer()
    try await server.apply(.put(TestServer.snapshot("api-app")), .put(TestServer.snapshot("elsewhere")))
    let address = server.url + "/configuration?workload=api-app"
    let text = try await curl(address + "&targetPerPod=25&quantile=0.9&leadTime=10m")
    #expect(text.headers["content-type"] == "application/yaml; charset=utf-8")
    #expect(text.body == "workloads: [{name: api-app, policy: {targetPerPod: 25.0, quantileLevel: 0.9}}]\n")
    let object = server.url + "/scaledobject?workload=api-app"
    #expect(try await curl(object).body == "kind: ScaledObject\n")
    for (parameters, keys) in [
      ("&leadTime=10m", "leadTime: 10m"), ("&mode=load", "mode: load"), ("&mode=replicas", "mode: replicas"),
      ("&select=at-lead", "select: at-lead"),
      ("&select=max&mode=load&leadTime=0s", "leadTime: 0s, mode: load, select: max"),
    ] {
      let text = try await curl(object + parameters)
      #expect(text.status == 200 && text.headers["content-type"] == "application/yaml; charset=utf-8")
      #expect(text.body == "kind: ScaledObject\nspec: {triggers: [{metadata: {workload: api-app, \(keys)}}]}\n")
    }
    for (parameter, problem) in [
      ("mode=pods", "'mode' is 'pods', expected replicas or load"),
      ("mode=Load", "'mode' is 'Load', expected replicas or load"),
      ("mode=", "'mode' is '', expected replicas or load"),
      ("select=min", "'select' is 'min', expected max or at-lead"),
      ("select=at%20lead", "'select' is 'at lead', expected max or at-lead"),
    ] {
      let answer = try await curl(object + "&" + parameter)
      #expect(answer.status == 400)
      #expect(answer.json["error"] as? String == problem)
    }
    for (parameter, problem) in [
      ("targetPerPod=0", "'targetPerPod' is '0', expected a positive number"),
      ("headroom=much", "'headroom' is 'much', expected a positive number"),
      ("quantile=1", "'quantile' is '1', expected 0 to 1 (1 excluded)"),
      ("shortageCost=0", "'shortageCost' is '0', expected pod-minutes above 0"),
      ("leadTime=5", "'leadTime' is '5', expected a duration such as 5m"),
    ] {
      let answer = try await curl(address + "&" + parameter)
      #expect(answer.status == 400)
      #expect(answer.json["error"] as? String == problem)
    }
    let unknown = try await curl(server.url + "/scaledobject?workload=elsewhere")
    #expect(unknown.json["error"] as? String == "workload 'elsewhere' is not configured on this host")
    await server.shutdown()
  }

  @Test("other methods are rejected with the allowed ones, and HEAD is GET without a body")
  func methods() async throws {
    let server = try await TestServer()
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
      let answer = try await curl(server.url + "/workloads", "-X", method, "-d", "x")
      #expect(answer.status == 405)
      #expect(answer.headers["allow"] == "GET, HEAD")
      #expect(answer.json["error"] as? String == "/workloads supports GET, HEAD, not \(method)")
    }
    let get = try await curl(server.url + "/workloads")
    let head = try await curl(server.url + "/workloads", "--head")
    #expect(head.status == 200)
    #expect(head.headers["content-length"] == get.headers["content-length"])
    #expect(head.body.isEmpty)
    await server.shutdown()
  }

  @Test("workloads are listed by name and leave when they are removed")
  func workloads() async throws {
    let server = try await TestServer()
    func listed() async throws -> [String]? { try await curl(server.url + "/workloads").json["workloads"] as? [String] }
    let none = try await curl(server.url + "/workloads").body
    #expect(none.wholeMatch(of: /\{"workloads":\[\],"now":"[-0-9:.TZ]+","states":\[\]\}/) != nil, "\(none)")
    for name in ["web", "api", "jobs"] { try await server.apply(.put(TestServer.snapshot(name))) }
    #expect(try await listed() == ["api", "jobs", "web"])
    try await server.apply(.removed(WorkloadName("jobs")))
    #expect(try await listed() == ["api", "web"])
    #expect(try await curl(server.url + "/forecast/current?workload=jobs").status == 404)
    await server.shutdown()
  }

  @Test(
    "lists every configured workload with its state, its error and since when it fails")
  func states() async throws {
    let server = try await TestServer()
    server.health.configure(
      try ["broken", "capped", "dark", "fine", "new", "old", "shaky", "trial"].map { try WorkloadName($0) })
    var capped = try TestServer.snapshot("capped", base: 100, peak: 100)
    (capped.requiredReplicas, capped.maxReplicas) = (capped.desiredReplicas.map { $0 + 20 }, 3)
    var trial = try TestServer.snapshot("trial")
    trial.isDryRun = true
    var dark = try TestServer.snapshot("dark")
    (dark.bridgedUntil, dark.problem) = (TestServer.noon + .seconds(600), "no samples for 7m")
    try await server.apply(
      .put(capped), .put(trial), .put(dark), .put(TestServer.snapshot("fine")), .put(TestServer.snapshot("shaky")),
      .put(TestServer.snapshot("old", at: TestServer.noon - .seconds(600))))
    try server.fail("broken", "Connection refused", times: 3)
    try server.fail("shaky", "timed out after 10 s")

    let answer = try await curl(server.url + "/workloads").json
    #expect(answer["workloads"] as? [String] == ["capped", "dark", "fine", "old", "shaky", "trial"])
    let rows = try #require(answer["states"] as? [[String: Any]])
    let states = Dictionary(
      uniqueKeysWithValues: rows.map { ($0["workload"] as? String ?? "", $0["state"] as? String ?? "") })
    #expect(
      states == [
        "broken": "failing", "capped": "capped", "dark": "bridged", "fine": "ok", "new": "starting", "old": "stale",
        "shaky": "failing", "trial": "dry-run",
      ])
    let broken = try #require(rows.first { $0["workload"] as? String == "broken" })
    #expect(broken["problem"] as? String == "Connection refused" && broken["stage"] as? String == "collect")
    #expect(broken["since"] as? String == "2026-01-31T12:00:00Z" && broken["failures"] as? Int == 3)
    let cut = try #require(rows.first { $0["workload"] as? String == "capped" })
    #expect(cut["asked"] as? Int == 3 && cut["required"] as? Int == 23)

    for (path, problem) in [
      (
        "/explain?workload=broken",
        "there is no forecast for workload 'broken': failing since 12:00 UTC (3 rounds): collect: Connection refused"
      ),
      ("/forecast/current?workload=broken", "collect: Connection refused"),
      (
        "/forecast/current?workload=new",
        "there is no forecast for workload 'new' yet: its first plan is being computed"
      ),
      ("/forecast/current?workload=ghost", "there is no forecast for workload 'ghost'"),
    ] {
      let answer = try await curl(server.url + path)
      #expect(answer.status == 404 && (answer.json["error"] as? String)?.hasSuffix(problem) == true, "\(answer.body)")
    }
    let words = try await curl(server.url + "/explain?workload=capped&format=text").body
    #expect(words.contains("Capped at 3: the load needs 23.\n"), "\(words)")
    let shaky = try await curl(server.url + "/explain?workload=shaky").json
    #expect(shaky["state"] as? String == "failing" && shaky["problem"] as? String == "collect: timed out after 10 s")
    #expect(shaky["problemSince"] as? String == "2026-01-31T12:00:00Z")
    let words2 = try await curl(server.url + "/explain?workload=dark&format=text").body
    #expect(
      words2.contains("Bridged: no sample; the plan is based on the forecast and is served until 12:10 UTC."),
      "\(words2)")
    await server.shutdown()
  }

  @Test("a plan that was bridged for too long is stale, and its workload is not requested any more")
  func bridgedTooLong() async throws {
    let server = try await TestServer()
    var plan = try TestServer.snapshot("dark")
    plan.bridgedUntil = TestServer.noon + .seconds(10)
    try await server.apply(.put(plan))
    #expect(try await curl(server.url + "/forecast/current?workload=dark").headers["x-kedastral-stale"] == nil)
    server.clock.advance(by: .seconds(11))
    #expect(try await curl(server.url + "/forecast/current?workload=dark").headers["x-kedastral-stale"] == "true")
    let rows = try await curl(server.url + "/workloads").json["states"] as? [[String: Any]]
    #expect(rows?.first?["state"] as? String == "stale" && rows?.first?["asked"] as? Int == nil)
    await server.shutdown()
  }

  @Test("readiness reports how many workloads fail and the first three, and stays ready")
  func failingWorkloads() async throws {
    let server = try await TestServer()
    server.health.configure(try ["a", "b", "c", "d", "e"].map { try WorkloadName($0) })
    #expect(try await curl(server.url + "/readyz").body == #"{"ready":true,"reasons":[]}"#)
    for name in ["e", "b", "d", "c"] { try server.fail(name, "refused") }
    let answer = try await curl(server.url + "/readyz")
    #expect(answer.status == 200)
    #expect(
      answer.json["warnings"] as? [String] == [
        "4 of 5 workloads failing: b (collect: refused), c (collect: refused), d (collect: refused), …"
      ], "\(answer.body)")
    await server.shutdown()
  }

  @Test("follows a store's updates")
  func follows() async throws {
    let server = try await TestServer()
    let (updates, store) = AsyncStream<StoreUpdate>.makeStream()
    let following = Task { [running = server.running] in await running?.follow(updates) }
    store.yield(.put(try TestServer.snapshot("api")))
    try await eventually("the workload") { try await curl(server.url + "/workloads").body.contains("api") }
    store.yield(.removed(try WorkloadName("api")))
    try await eventually("its removal") { try await !curl(server.url + "/workloads").body.contains("api") }
    store.finish()
    await following.value
    await server.shutdown()
  }

  @Test("the history is the measured load and the replicas requested at the time")
  func history() async throws {
    let server = try await TestServer()
    server.measure("api", [1, .nan, 3, 4])
    try await server.apply(.put(TestServer.snapshot("api", base: 100, peak: 100)))
    server.clock.advance(by: .seconds(30))
    try await server.apply(.put(TestServer.snapshot("api", at: server.clock.now, base: 200, peak: 200)))
    let answer = try await curl(server.url + "/history?workload=api&points=3")
    #expect(
      answer.body == """
        {"workload":"api","start":"2026-01-31T11:58:00Z","stepSeconds":60,"values":[null,3,4],\
        "replicas":[[1769860800000,3],[1769860830000,5]],"forecasts":[[1769861160000,100,87,115]]}
        """)
    await server.shutdown()
  }

  @Test("the history has the ready pods where they are read, and why they are not")
  func readyPods() async throws {
    let server = try await TestServer()
    try await server.apply(.put(TestServer.snapshot("api", base: 100, peak: 100)))
    var pods = RealPods()
    pods.add(TimeSeries(start: TestServer.noon, step: .seconds(60), values: [3, 3, .nan, 4]))
    server.realPods.withLock { $0["api"] = pods }
    let answer = try await curl(server.url + "/history?workload=api")
    #expect(
      answer.body.hasSuffix(
        #""readyPods":[[1769860800000,3],[1769860920000,null],[1769860980000,4]],"readyPodsUntil":1769860980000,"readyPodsProblem":"timed out"}"#
      ))
    await server.shutdown()
  }

  @Test("the history has the events of the plans")
  func planEvents() async throws {
    let server = try await TestServer()
    server.health.configure([try WorkloadName("api")])
    try await server.apply(.put(TestServer.snapshot("api", base: 100, peak: 100)))
    server.health.reloaded([try WorkloadName("api")], at: TestServer.noon)
    try server.fail("api", "Connection refused")
    let answer = try await curl(server.url + "/history?workload=api")
    #expect(
      answer.body.contains(
        #""events":[{"kind":"reload","from":1769860800000,"to":1769860800000,"text":"the settings were changed"},{"kind":"failed","#
      ))
    #expect(answer.body.contains(#""to":null,"text":"collect failed: Connection refused"}]"#))
    await server.shutdown()
  }

  @Test("a workload without a known load still has its history of replicas")
  func unknownHistory() async throws {
    let server = try await TestServer()
    try await server.apply(.put(TestServer.snapshot("api", base: 100, peak: 100)))
    let answer = try await curl(server.url + "/history?workload=api")
    #expect(
      answer.body.hasPrefix(
        #"{"workload":"api","start":null,"stepSeconds":null,"values":[],"replicas":[[1769860800000,3]],"forecasts":[["#)
    )
    await server.shutdown()
  }

  @Test("probes report that the process runs, and why it is not ready")
  func probes() async throws {
    let server = try await TestServer(problems: ["store": "not connected yet", "plan": "none yet"])
    #expect(try await curl(server.url + "/healthz").body == #"{"status":"ok"}"#)
    let early = try await curl(server.url + "/readyz")
    #expect(early.status == 503)
    #expect(early.body == #"{"ready":false,"reasons":["plan: none yet","store: not connected yet"]}"#)
    server.readiness.report("store", problem: nil)
    server.readiness.report("plan", problem: nil)
    let ready = try await curl(server.url + "/readyz")
    #expect(ready.status == 200)
    #expect(ready.body == #"{"ready":true,"reasons":[]}"#)
    await server.shutdown()
  }
}
