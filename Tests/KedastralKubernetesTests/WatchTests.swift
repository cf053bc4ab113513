import Foundation
import KedastralCore
import KedastralTesting
import Synchronization
import TestSupport
import Testing

@testable import KedastralKubernetes

@Suite("Watches of the Kubernetes API")
struct WatchTests {
  /// An event in few words.
  fileprivate static func text(_ event: ObjectFeed<Widget>.Event?) -> String {
    switch event {
    case .listed(let list):
      "listed " + list.objects.map { "\($0.metadata.name)=\($0.spec.size)" }.joined(separator: ",")
    case .changed(let widget): "\(widget.metadata.name)=\(widget.spec.size)"
    case .unreadable(let object): "unreadable \(object.key?.description ?? "?")"
    case .removed(let key): "removed \(key)"
    case .interrupted(let error): "interrupted \(error.status.map(String.init) ?? "?")"
    case nil: "end"
    }
  }

  /// Waits until the double has received this many watches.
  private func watches(_ count: Int, of server: APIServerDouble) async throws {
    try await eventually("\(count) watches") {
      try await server.log().filter { $0.path.contains("watch=true") }.count >= count
    }
  }

  @Test("a feed lists, then follows changes and deletions")
  func follows() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    try await client.apply(Widget("a", size: 1))
    var feed = client.feed(Widget.self).makeAsyncIterator()
    #expect(Self.text(try await feed.next()) == "listed a=1")
    try await client.apply(Widget("b", size: 2))
    #expect(Self.text(try await feed.next()) == "b=2")
    try await client.apply(Widget("a", size: 3))
    #expect(Self.text(try await feed.next()) == "a=3")
    try await client.delete(Widget.resource, ObjectKey(namespace: "shop", name: "b"))
    #expect(Self.text(try await feed.next()) == "removed shop/b")
  }

  @Test("a watch that is cut in the middle of an object continues from the last complete event")
  func cut() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    var feed = client.feed(Widget.self).makeAsyncIterator()
    #expect(Self.text(try await feed.next()) == "listed ")
    try await client.apply(Widget("a", size: 1))
    #expect(Self.text(try await feed.next()) == "a=1")
    try await server.order("cut")
    try await client.apply(Widget("a", size: 2))
    #expect(Self.text(try await feed.next()) == "a=2")
    let requests = try await server.log().filter { $0.method == "GET" }.map(\.path)
    #expect(requests.filter { !$0.contains("watch=true") }.count == 1)
    #expect(requests.last?.contains("resourceVersion=101") == true)
  }

  @Test("after 410 Gone, as an answer or as an event, everything is listed again")
  func gone() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    try await client.apply(Widget("a", size: 1))
    var feed = client.feed(Widget.self).makeAsyncIterator()
    #expect(Self.text(try await feed.next()) == "listed a=1")
    try await server.order("fault", #"{"status": 410, "contains": "watch=true", "reason": "Expired"}"#)
    #expect(Self.text(try await feed.next()) == "listed a=1")
    try await server.order("compact")
    #expect(Self.text(try await feed.next()) == "listed a=1")
    try await client.apply(Widget("a", size: 2))
    #expect(Self.text(try await feed.next()) == "a=2")
  }

  @Test("a bookmark moves the version from which a watch continues")
  func bookmark() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    let reader = FeedReader(client.feed(Widget.self))
    try await watches(1, of: server)
    // Another type moves the version on.
    try await client.create(ObjectEvent.resource, namespace: "shop", Widget("e", size: 1))
    try await eventually("a watch that continues from the bookmark") {
      try await server.order("bookmark")
      try await server.order("end")
      return try await server.log().contains { $0.path.contains("resourceVersion=101") }
    }
    try await client.apply(Widget("a", size: 1))
    try await reader.wait(for: ["listed ", "a=1"])
  }

  @Test("an idle watch is started again")
  func idle() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    var settings = KubernetesClient.Settings.quick
    settings.watchIdleLimit = .milliseconds(50)
    let client = server.client(settings)
    let reader = FeedReader(client.feed(Widget.self))
    try await watches(3, of: server)
    try await client.apply(Widget("a", size: 1))
    try await eventually("the change") { reader.texts.last { $0 != "interrupted ?" } == "a=1" }
    #expect(reader.texts.first == "listed ")
  }

  @Test("a watch of a type of which nothing changes has not failed, and the server ends it before it counts as lost")
  func quietType() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    var settings = KubernetesClient.Settings.quick
    settings.watchIdleLimit = .milliseconds(50)
    settings.steadyWatch = .milliseconds(20)
    let client = server.client(settings)
    let reader = FeedReader(client.feed(Widget.self))
    try await watches(4, of: server)
    try await client.apply(Widget("a", size: 1))
    try await reader.wait(for: ["listed ", "a=1"])
    // An API server sends bookmarks only once something has happened.
    let usual = KubernetesClient.Settings()
    #expect(usual.watchDuration * 1.33 < usual.watchIdleLimit && usual.steadyWatch < usual.watchDuration)
  }

  @Test("failures are reported, and what follows is repeated until it succeeds")
  func storms() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    var settings = KubernetesClient.Settings.quick
    settings.attempts = 1
    let client = server.client(settings)
    try await server.order("fault", #"{"status": 500, "count": 2}"#)
    var feed = client.feed(Widget.self).makeAsyncIterator()
    #expect(Self.text(try await feed.next()) == "interrupted 500")
    #expect(Self.text(try await feed.next()) == "interrupted 500")
    #expect(Self.text(try await feed.next()) == "listed ")
    try await server.order("fault", #"{"status": 429, "contains": "watch=true", "retryAfter": 1}"#)
    #expect(Self.text(try await feed.next()) == "interrupted 429")
    #expect(Self.text(try await feed.next()) == "listed ")
    try await client.apply(Widget("a", size: 1))
    #expect(Self.text(try await feed.next()) == "a=1")
  }

  @Test("hostile events are reported, and a list follows those that are not events")
  func hostile() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    var settings = KubernetesClient.Settings.quick
    settings.longestEvent = 1000
    let client = server.client(settings)
    let reader = FeedReader(client.feed(Widget.self))
    var expected = ["listed "]
    let unreadable = #"{"metadata":{"name":"x","namespace":"n","resourceVersion":"100"},"spec":{"size":[]}}"#
    let refusal = #"{"code":500,"reason":"InternalError","message":"etcd"}"#
    for (index, (line, answers)) in [
      (#"{"type":"NONSENSE","object":{}}"#, ["interrupted ?", "listed "]),
      ("[[[[", ["interrupted ?", "listed "]),
      (String(repeating: "[", count: 2000), ["interrupted ?", "listed "]),
      (#"{"type":"ERROR","object":\#(refusal)}"#, ["interrupted 500", "listed "]),
      (#"{"type":"ADDED","object":\#(unreadable)}"#, ["unreadable n/x"]),
    ].enumerated() {
      try await watches(index + 1, of: server)
      try await server.order("line", String(decoding: try JSONEncoder().encode(["line": line]), as: UTF8.self))
      expected += answers
      try await reader.wait(for: expected)
    }
  }

  @Test("a server that fails at once is asked ever less often")
  func noHotLoop() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    let clock = ManualClock(at: start)
    let client = server.client(KubernetesClient.Settings(attempts: 1), clock: clock)
    try await server.order("fault", #"{"status": 410, "count": 1000, "contains": "watch=true"}"#)
    let reader = Task { for try await _ in client.feed(Widget.self) {} }
    // Ten minutes of the feed's time.
    while clock.now.timeIntervalSince(start) < 600 {
      await clock.waitForSleepers(1)
      clock.advance(by: .seconds(1))
    }
    await clock.waitForSleepers(1)
    reader.cancel()
    let count = try await server.log().count
    // 1, 2, 4, 8, 16, then 30 seconds between two lists, each with a watch.
    #expect(count > 30 && count < 70, "\(count) requests")
    await #expect(throws: CancellationError.self) { try await reader.value }
  }

  @Test("a stream is split into lines wherever it is cut, and a line has a limit")
  func lines() throws {
    let text = Array("one\n\ntwo\nthree".utf8)
    for size in 1...text.count {
      var splitter = LineSplitter(limit: 5)
      var lines: [String] = []
      for start in stride(from: 0, to: text.count, by: size) {
        let part = Array(text[start..<min(start + size, text.count)])
        lines += try splitter.lines(adding: part).map { String(decoding: $0, as: UTF8.self) }
      }
      #expect(lines == ["one", "two"])
    }
    var splitter = LineSplitter(limit: 5)
    #expect(throws: LineSplitter.TooLong(limit: 5)) { try splitter.lines(adding: Array("sixsix\n".utf8)) }
  }
}

/// Reads a feed until it is released.
private final class FeedReader: Sendable {
  private let log: Log
  private let task: Task<Void, any Error>

  private final class Log: Sendable {
    let texts = Mutex<[String]>([])
  }

  init(_ feed: ObjectFeed<Widget>) {
    let log = Log()
    self.log = log
    task = Task {
      for try await event in feed {
        let text = WatchTests.text(event)
        log.texts.withLock { $0.append(text) }
      }
    }
  }

  deinit { task.cancel() }

  var texts: [String] { log.texts.withLock { $0 } }

  func wait(for expected: [String]) async throws {
    try await eventually("\(expected.count) events") { texts.count >= expected.count }
    #expect(texts == expected)
  }
}
