import Foundation
import KedastralCore
import KedastralHTTP
import TestSupport
import Testing

@Suite("Live events")
struct EventsTests {
  /// The events that curl got, newest last.
  private func events(in output: String) -> [[String: Any]] {
    output.split(separator: "\n").filter { $0.hasPrefix("data: ") }.compactMap { line in
      (try? JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8))) as? [String: Any]
    }
  }

  /// The rows in all of them.
  private func rows(in output: String, _ part: String = "rows") -> [[String: Any]] {
    events(in: output).flatMap { $0[part] as? [[String: Any]] ?? [] }
  }

  private func row(_ workload: String, _ asked: Int?, isStale: Bool = false) -> ([String: Any]) -> Bool {
    { $0["workload"] as? String == workload && $0["asked"] as? Int == asked && $0["isStale"] as? Bool == isStale }
  }

  @Test("a page receives all rows when it connects, then the changes")
  func rows() async throws {
    let server = try await TestServer()
    try await server.apply(.put(TestServer.snapshot("api")))
    try await server.apply(.put(TestServer.snapshot("web", base: 300, peak: 300)))
    let stream = try ChildProcess("curl", "-sN", server.url + "/events")
    try await eventually("both workloads") { rows(in: stream.output).count >= 2 }
    let first = try #require(rows(in: stream.output).first { $0["workload"] as? String == "web" })
    #expect(first["index"] as? Int == 1)
    #expect(first["load"] as? Int == 300)
    #expect(first["planned"] as? Int == 8)
    #expect(first["asked"] as? Int == 8)
    #expect(first["peak"] as? Int == 8)
    #expect(first["model"] as? String == "baseline")
    #expect(first["mase"] as? Double == 0.42)
    #expect(first["forecast"] as? [Int] == Array(repeating: 100, count: 24))

    // 30 minutes before its peak, api needs 3 pods; five minutes of lead later it is asked for more, without a new plan.
    #expect(rows(in: stream.output).contains(where: row("api", 3)))
    server.clock.advance(by: .seconds(50))
    try await server.apply(.put(TestServer.snapshot("web", at: server.clock.now, base: 400, peak: 400)))
    try await eventually("the new row") { rows(in: stream.output).contains(where: row("web", 10)) }
    #expect(rows(in: stream.output).filter { $0["workload"] as? String == "api" }.count == 1)

    server.clock.advance(by: .seconds(3600))
    try await eventually("a stale row") { rows(in: stream.output).contains(where: row("api", nil, isStale: true)) }
    #expect(events(in: stream.output).last?["stale"] as? Int == 2)
    try await server.apply(.removed(WorkloadName("api")))
    try await eventually("the removal") { events(in: stream.output).last?["total"] as? Int == 1 }
    stream.kill()
    await server.shutdown()
  }

  @Test(
    "a page receives only its part of the list, filtered and sorted by the host",
    arguments: [
      ("first=1&count=1", ["b-web"]), ("search=WEB", ["b-web", "c-web"]), ("order=load", ["c-web", "a-api", "b-web"]),
      ("order=replicas&reversed=true", ["b-web", "a-api", "c-web"]), ("order=rise&count=1", ["a-api"]),
      ("state=ok&search=web", ["b-web", "c-web"]), ("state=capped,failing", []),
      ("order=age", ["b-web", "a-api", "c-web"]), ("search=nothing", []), ("first=7&count=5", []),
    ])
  func parts(query: String, expected: [String]) async throws {
    let server = try await TestServer()
    try await server.apply(
      .put(TestServer.snapshot("a-api", base: 200, peak: 900)),
      .put(TestServer.snapshot("b-web", at: TestServer.noon.addingTimeInterval(-5), base: 100, peak: 100)),
      .put(TestServer.snapshot("c-web", base: 300, peak: 300)))
    let stream = try ChildProcess("curl", "-sN", server.url + "/events?" + query)
    try await eventually("an event") { !events(in: stream.output).isEmpty }
    #expect(rows(in: stream.output).compactMap { $0["workload"] as? String } == expected)
    stream.kill()
    await server.shutdown()
  }

  @Test("an event has the pods of the found workloads, and on request their groups")
  func groups() async throws {
    let server = try await TestServer(labels: [
      "shop-api": ["team": "Shop", "tier": "1"], "blog": ["team": "Shop"], "gone": ["owner": "x"],
    ])
    try await server.apply(
      .put(TestServer.snapshot("shop-api", base: 200, peak: 200)),
      .put(TestServer.snapshot("shop-web", base: 300, peak: 300)),
      .put(TestServer.snapshot("blog", base: 100, peak: 100)))
    func event(_ query: String) async throws -> [String: Any] {
      let stream = try ChildProcess("curl", "-sN", server.url + "/events?" + query)
      try await eventually("an event") { !events(in: stream.output).isEmpty }
      defer { stream.kill() }
      return events(in: stream.output).first ?? [:]
    }
    let all = try await event("count=1")
    #expect(all["pods"] as? Int == 16 && all["peak"] as? Int == 16 && all["groups"] == nil)
    let shop = try await event("search=%5Eshop-&groups=true")
    #expect(shop["matching"] as? Int == 2 && shop["pods"] as? Int == 13)
    let group = try #require((shop["groups"] as? [[String: Any]])?.first)
    #expect(group["name"] as? String == "shop-" && group["workloads"] as? Int == 2 && group["pods"] as? Int == 13)
    #expect(group["search"] as? String == "^shop-")
    // By a label, workloads without it are in no group, and the group's search finds its workloads.
    #expect(all["labels"] as? [String] == ["owner", "team", "tier"])
    let teams = try #require(try await event("groups=label%3Ateam")["groups"] as? [[String: Any]])
    #expect(teams.map { $0["name"] as? String } == ["Shop"] && teams[0]["workloads"] as? Int == 2)
    #expect(teams[0]["search"] as? String == "team=Shop")
    #expect(try await event("search=team%3DShop")["matching"] as? Int == 2)
    #expect(try await event("search=team%3Dother")["matching"] as? Int == 0)
    #expect(try await event("groups=label%3Anone")["groups"] as? [String] == [])
    await server.shutdown()
  }

  @Test("selected workloads are followed at any position, and reported missing when they do not exist")
  func chosen() async throws {
    let server = try await TestServer()
    try await server.apply(.put(TestServer.snapshot("a")), .put(TestServer.snapshot("z")))
    let stream = try ChildProcess("curl", "-sN", server.url + "/events?count=1&chosen=z,ghost")
    try await eventually("the first event") { !events(in: stream.output).isEmpty }
    #expect(rows(in: stream.output, "chosen").map { $0["workload"] as? String } == ["z"])
    #expect(events(in: stream.output).first?["unknown"] as? [String] == ["ghost"])
    try await server.apply(.put(TestServer.snapshot("ghost")))
    try await eventually("the ghost") { rows(in: stream.output, "chosen").contains(where: row("ghost", 3)) }
    stream.kill()
    await server.shutdown()
  }

  @Test(
    "an invalid selection of the list is rejected with a message",
    arguments: [
      ("order=size", "'order' is 'size', expected one of name, load, replicas, rise, error, age"),
      (
        "state=fine",
        "'state' is 'fine', expected one or more of ok, capped, bridged, stale, failing, dry-run, learning, starting"
      ),
      ("count=5000", "'count' is '5000', expected 0 to 500"), ("first=-1", "'first' is '-1', expected 0 to 10000000"),
    ])
  func refusals(query: String, problem: String) async throws {
    let server = try await TestServer()
    let answer = try await curl(server.url + "/events?" + query)
    #expect(answer.status == 400)
    #expect(answer.json["error"] as? String == problem)
    await server.shutdown()
  }

  @Test("workloads without a plan, and limited ones, are found by state")
  func states() async throws {
    let server = try await TestServer()
    server.health.configure(try ["a", "b", "c"].map { try WorkloadName($0) })
    var capped = try TestServer.snapshot("c", base: 100, peak: 100)
    capped.requiredReplicas = capped.desiredReplicas.map { $0 + 4 }
    try await server.apply(.put(TestServer.snapshot("a")), .put(capped))
    try server.fail("b", "no such host")
    let stream = try ChildProcess("curl", "-sN", server.url + "/events?state=capped,failing&chosen=b")
    try await eventually("an event") { !events(in: stream.output).isEmpty }
    let found = rows(in: stream.output)
    #expect(found.map { $0["workload"] as? String } == ["b", "c"])
    #expect(found.first?["problem"] as? String == "no such host" && found.first?["planned"] as? Int == nil)
    #expect(found.last?["required"] as? Int == 7 && found.last?["asked"] as? Int == 3)
    #expect(rows(in: stream.output, "chosen").map { $0["state"] as? String } == ["failing"])
    let counts = events(in: stream.output).first?["states"] as? [String: Int]
    #expect(counts?["failing"] == 1 && counts?["capped"] == 1 && counts?["ok"] == 1 && counts?["stale"] == 0)
    stream.kill()
    await server.shutdown()
  }

  @Test("a disconnected viewer is removed")
  func goneViewers() async throws {
    let server = try await TestServer()
    for _ in 0..<3 {
      let viewers = try (0..<40).map { _ in try ChildProcess("curl", "-sN", server.url + "/events") }
      try await eventually("all viewers") { viewers.allSatisfy { $0.output.contains("event: overview") } }
      for viewer in viewers { viewer.kill() }
      try await eventually("their end") { viewers.allSatisfy { !$0.isRunning } }
    }
    #expect(try await curl(server.url + "/healthz").status == 200)
    await server.shutdown()
  }
}
