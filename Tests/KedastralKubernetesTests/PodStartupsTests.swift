import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralKubernetes

@Suite("Start-up of the pods of an object")
struct PodStartupsTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)

  /// A pod in JSON, as the API server has it.
  private func pod(
    _ uid: String, created: Double, ready: Double?, status: String = "True", restarts: Int = 0
  ) throws -> Pod {
    func text(_ seconds: Double) -> String { Timestamp.format(noon + seconds) }
    let condition = ready.map {
      #"{"type":"Ready","status":"\#(status)","lastTransitionTime":"\#(text(created + $0))"}"#
    }
    return try JSONDecoder().decode(
      Pod.self,
      from: Data(
        """
        {"metadata": {"name": "\(uid)", "uid": "\(uid)", "creationTimestamp": "\(text(created))"},
         "status": {"conditions": [{"type": "PodScheduled", "status": "True"}\(condition.map { "," + $0 } ?? "")],
          "containerStatuses": [{"restartCount": 0}, {"restartCount": \(restarts)}]}}
        """.utf8))
  }

  @Test("the time from creation to readiness counts, of pods that are ready and were not restarted")
  func counted() throws {
    #expect(try pod("a", created: -600, ready: 74).startupSeconds == 74)
    #expect(try pod("a", created: -600, ready: nil).startupSeconds == nil)
    #expect(try pod("a", created: -600, ready: 90, status: "False").startupSeconds == nil)
    #expect(try pod("a", created: -600, ready: 90, restarts: 1).startupSeconds == nil)
    let bare = try JSONDecoder().decode(Pod.self, from: Data(#"{"metadata": {"name": "a"}}"#.utf8))
    #expect(bare.startupSeconds == nil)
  }

  @Test("pods that are gone count for a day, a readiness that began again does not, and older pods never")
  func window() throws {
    var startups = PodStartups()
    startups.note(
      [
        try pod("a", created: -600, ready: 60), try pod("b", created: -500, ready: 70),
        try pod("old", created: -90_000, ready: 900),
      ], at: noon)
    #expect(startups.seconds.sorted() == [60, 70])
    startups.note([try pod("b", created: -500, ready: 4000), try pod("c", created: 100, ready: 80)], at: noon + 4000)
    #expect(startups.seconds.sorted() == [60, 70, 80])
    startups.note([], at: noon + 85_850)
    #expect(startups.seconds.sorted() == [70, 80])
    startups.note([], at: noon + 90_000)
    #expect(startups.seconds == [])
  }

  @Test("no more pods are remembered than two thousand, the newest ones")
  func bounded() throws {
    var startups = PodStartups()
    startups.note(try (0..<3000).map { try pod("p\($0)", created: Double($0 - 4000), ready: Double($0)) }, at: noon)
    #expect(startups.seconds.count == 2000 && startups.seconds.min() == 1000)
  }

  @Test("pods are found by the selector of the scale of their object; without one they cannot be distinguished")
  func reader() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    let widget = Widget("w", size: 1)
    try await client.apply(widget)
    let reader = PodReader(client, podsOf: Widget.resource, widget.key)
    await #expect { _ = try await reader.startupSeconds(at: noon) } throws: {
      "\($0)" == "the Widget 'shop/w' has no selector of pods in its scale"
    }
    try await client.patchStatus(Widget.resource, widget.key, ["selector": "app=web"])
    for (name, app, startup) in [("a", "web", "00:01:10"), ("b", "web", "00:00:50"), ("c", "other", "00:20:00")] {
      try await server.create(
        pod: """
          {"metadata": {"name": "\(name)", "labels": {"app": "\(app)"}, "creationTimestamp": "2026-01-31T00:00:00Z"},
           "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-31T\(startup)Z"}]}}
          """)
    }
    #expect(try await reader.startupSeconds(at: noon).sorted() == [50, 70])
    for (name, more) in [("starting", ""), ("ended", #", "phase": "Succeeded""#)] {
      try await server.create(
        pod: #"{"metadata": {"name": "\#(name)", "labels": {"app": "web"}}, "status": {"conditions": []\#(more)}}"#)
    }
    #expect(try await reader.runningPods() == RunningPods(replicas: 3, ready: 2))
    // With the pod "starting", which the server gave the time of its clock; one that has not become ready for long does not count.
    for (name, seconds) in [("new", 60.0), ("failing", 2000)] {
      let created = Timestamp.format(noon.addingTimeInterval(-seconds))
      try await server.create(
        pod: #"{"metadata": {"name": "\#(name)", "labels": {"app": "web"}, "creationTimestamp": "\#(created)"}}"#)
    }
    #expect(try await reader.startingPods(at: noon) == 2)
    let range = noon.addingTimeInterval(-120)..<noon.addingTimeInterval(1)
    let starting = try await StartingPods(reader).samples(in: range, step: .seconds(60)).values
    #expect(starting.count == 3 && starting[2] == 2 && !starting[0].isFinite)
    try await client.patchStatus(Widget.resource, widget.key, ["selector": ""])
    await #expect(throws: PodReader.NoSelector.self) { _ = try await reader.runningPods() }
  }
}
