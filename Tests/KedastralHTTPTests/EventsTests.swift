import Foundation
import KedastralCore
import KedastralHTTP
import TestSupport
import Testing

@Suite("Live events")
struct EventsTests {
  /// The rows in all events that curl got, newest last.
  private func rows(in output: String) -> [[Any]] {
    output.split(separator: "\n").filter { $0.hasPrefix("data: ") }.flatMap { line in
      let event = try? JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8)) as? [String: Any]
      return event?["rows"] as? [[Any]] ?? []
    }
  }

  @Test("a page gets all rows when it connects, then what changes")
  func rows() async throws {
    let server = try await TestServer()
    try await server.apply(.put(TestServer.snapshot("api")))
    try await server.apply(.put(TestServer.snapshot("web", base: 300, peak: 300)))
    let stream = try ChildProcess("curl", "-sN", server.url + "/events")
    try await eventually("both workloads") { rows(in: stream.output).count >= 2 }
    let first = rows(in: stream.output).first { $0[0] as? String == "web" }
    #expect(first?[1] as? Int == 300)
    #expect(first?[2] as? Int == 8)
    #expect(first?[3] as? Int == 8)
    #expect(first?[4] as? Int == 0)

    // 30 minutes before its peak, api needs 3 pods; five minutes of lead later it is asked for more, without a new plan.
    #expect(rows(in: stream.output).first { $0[0] as? String == "api" }?[2] as? Int == 3)
    server.clock.advance(by: .seconds(50))
    try await server.apply(.put(TestServer.snapshot("web", at: server.clock.now, base: 400, peak: 400)))
    try await eventually("the new row") {
      rows(in: stream.output).contains { $0[0] as? String == "web" && $0[2] as? Int == 10 }
    }

    server.clock.advance(by: .seconds(3600))
    try await eventually("stale rows") {
      rows(in: stream.output).contains { $0[0] as? String == "api" && $0[4] as? Int == 1 && $0[2] is NSNull }
    }
    try await server.apply(.removed(WorkloadName("api")))
    try await eventually("the removal") { stream.output.contains(#""removed":["api"]"#) }
    stream.kill()
    await server.shutdown()
  }

  @Test("a viewer that is gone is forgotten")
  func goneViewers() async throws {
    let server = try await TestServer()
    for _ in 0..<3 {
      let viewers = try (0..<40).map { _ in try ChildProcess("curl", "-sN", server.url + "/events") }
      try await eventually("all viewers") { viewers.allSatisfy { $0.output.contains("event: rows") } }
      for viewer in viewers { viewer.kill() }
      try await eventually("their end") { viewers.allSatisfy { !$0.isRunning } }
    }
    #expect(try await curl(server.url + "/healthz").status == 200)
    await server.shutdown()
  }
}
