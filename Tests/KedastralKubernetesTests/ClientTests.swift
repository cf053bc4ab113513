import Foundation
import KedastralCore
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralKubernetes

@Suite("Client of the Kubernetes API")
struct ClientTests {
  @Test("applies, reads, lists in parts and deletes objects")
  func objects() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    var settings = KubernetesClient.Settings.quick
    settings.listLimit = 2
    let client = server.client(settings)
    for index in 1...5 { try await client.apply(Widget("w\(index)", size: index)) }
    try await client.apply(Widget("w1", in: "other", size: 10))
    let all = try await client.list(Widget.self)
    #expect(all.objects.map(\.spec.size) == [10, 1, 2, 3, 4, 5])
    #expect(try await client.list(Widget.self, namespace: "shop").objects.count == 5)
    let key = ObjectKey(namespace: "shop", name: "w3")
    #expect(try await client.get(Widget.self, key)?.spec.size == 3)
    await #expect(throws: KubernetesError.self) { try await client.delete(Widget.resource, key, uid: "another") }
    try await client.delete(Widget.resource, key)
    try await client.delete(Widget.resource, key)
    #expect(try await client.get(Widget.self, key) == nil)
    let lists = try await server.log().filter {
      $0.method == "GET" && $0.path.hasPrefix("/apis/example.com/v1/widgets")
    }
    #expect(lists.count == 3)
    #expect(lists.dropFirst().allSatisfy { $0.path.contains("continue=page-") })
  }

  @Test("lists the objects with some labels, and finds the labels of an object's pods in its scale")
  func selector() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    var settings = KubernetesClient.Settings.quick
    settings.listLimit = 1
    let client = server.client(settings)
    for (name, app) in [("a", "api"), ("b", "other"), ("c", "api")] {
      var widget = Widget(name, size: 1)
      widget.metadata.labels = ["app": app, "tier": "x"]
      try await client.apply(widget)
    }
    let found = try await client.list(Widget.self, namespace: "shop", labelSelector: "app=api,tier=x")
    #expect(found.objects.map(\.metadata.name) == ["a", "c"])
    let key = ObjectKey(namespace: "shop", name: "a")
    #expect(try await client.scale(of: Widget.resource, key).selector == nil)
    try await client.patchStatus(Widget.resource, key, ["selector": "app=api"])
    #expect(try await client.scale(of: Widget.resource, key).selector == "app=api")
    #expect(try await server.log().last?.path == "/apis/example.com/v1/namespaces/shop/widgets/a/scale")
    await #expect(throws: KubernetesError.self) {
      _ = try await client.scale(of: Widget.resource, ObjectKey(namespace: "shop", name: "none"))
    }
  }

  @Test("a field of another manager is not taken over without force")
  func conflict() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    try await client.apply(Widget("w", size: 1), as: "somebody")
    do {
      try await client.apply(Widget("w", size: 2))
      Issue.record("the conflict was not reported")
    } catch let error as KubernetesError {
      #expect(
        "\(error)"
          == "PATCH /apis/example.com/v1/namespaces/shop/widgets/w: HTTP 409 Conflict: conflict with \"somebody\"")
    }
    #expect(try await client.get(Widget.self, ObjectKey(namespace: "shop", name: "w"))?.spec.size == 1)
  }

  @Test("a status is patched in its subresource, and an outdated version is refused")
  func statusPatch() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    let widget = Widget("w", size: 1)
    try await client.apply(widget)
    let version = try await client.get(Widget.self, widget.key)?.metadata.resourceVersion
    try await client.patchStatus(Widget.resource, widget.key, ["phase": "Ready"], resourceVersion: version)
    await #expect(throws: KubernetesError.self) {
      try await client.patchStatus(Widget.resource, widget.key, ["phase": "Old"], resourceVersion: version)
    }
    let patch = try #require(try await server.log().first { $0.contentType == "application/merge-patch+json" })
    #expect(patch.path.hasPrefix("/apis/example.com/v1/namespaces/shop/widgets/w/status?"))
  }

  @Test("an event names its object and is cut to the length that the server allows")
  func events() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    let widget = Widget("w", size: 1)
    let event = ObjectEvent(
      .warning, about: Widget.resource, widget.metadata, reason: "Conflict",
      message: String(repeating: "x", count: 2000),
      time: "2026-01-01T00:00:00Z")
    try await client.create(ObjectEvent.resource, namespace: event.namespace, event)
    let sent = try #require(try await server.log().last)
    #expect(sent.path == "/api/v1/namespaces/shop/events")
    #expect(sent.body.contains(#""generateName":"w.""#))
    #expect(
      sent.body.contains(
        #""involvedObject":{"apiVersion":"example.com/v1","kind":"Widget","name":"w","namespace":"shop"}"#))
    #expect(event.message.count == 1000)
  }

  @Test("repeats a request after 429 and 5xx for a bounded number of attempts")
  func repeats() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    try await server.order("fault", #"{"status": 429, "retryAfter": 1, "count": 1}"#)
    try await server.order("fault", #"{"status": 500, "count": 2}"#)
    try await client.apply(Widget("w", size: 1))
    #expect(try await server.log().count == 4)
    try await server.order("fault", #"{"status": 503, "count": 100, "reason": "ServiceUnavailable"}"#)
    do {
      _ = try await client.list(Widget.self)
      Issue.record("the failure was not reported")
    } catch let error as KubernetesError {
      #expect(
        "\(error)" == "GET /apis/example.com/v1/widgets: HTTP 503 ServiceUnavailable: a fault of the double")
    }
    #expect(try await server.log().count == 8)
  }

  @Test("does not repeat what the server refuses, nor a creation that may have been processed")
  func doesNotRepeat() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    try await server.order("fault", #"{"status": 403, "method": "GET", "body": "<html>\u0007no</html>"}"#)
    do {
      _ = try await client.list(Widget.self)
      Issue.record("the refusal was not reported")
    } catch let error as KubernetesError {
      #expect("\(error)" == "GET /apis/example.com/v1/widgets: HTTP 403: a web page: no")
    }
    try await server.order("fault", #"{"status": 500, "method": "POST"}"#)
    await #expect(throws: KubernetesError.self) {
      try await client.create(Widget.resource, namespace: "shop", Widget("w", size: 1))
    }
    #expect(try await server.log().count == 2)
  }

  @Test("waits for as long as Retry-After says, within the limit")
  func retryAfter() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    let clock = ManualClock(at: start)
    let client = server.client(KubernetesClient.Settings(longestRetryAfter: .seconds(60)), clock: clock)
    for (asked, expected) in [(7, 7.0), (86_400, 60)] {
      try await server.order("fault", #"{"status": 429, "retryAfter": \#(asked)}"#)
      let before = clock.now
      let list = Task { try await client.list(Widget.self) }
      await clock.waitForSleepers(1)
      clock.advance(by: .seconds(expected - 0.5))
      #expect(clock.sleeperCount == 1)
      clock.advance(by: .seconds(0.5))
      _ = try await list.value
      #expect(clock.now.timeIntervalSince(before) == expected)
    }
  }

  @Test("starts a list again when its pages have expired, and refuses a repeated token")
  func expiredPages() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    var settings = KubernetesClient.Settings.quick
    settings.listLimit = 1
    let client = server.client(settings)
    for index in 1...2 { try await client.apply(Widget("w\(index)", size: index)) }
    try await server.order("fault", #"{"status": 410, "contains": "continue=", "reason": "Expired"}"#)
    #expect(try await client.list(Widget.self).objects.count == 2)
    let page = #"{\"metadata\": {\"continue\": \"t\"}, \"items\": null}"#
    try await server.order("fault", #"{"status": 200, "count": 2, "body": "\#(page)"}"#)
    do {
      _ = try await client.list(Widget.self)
      Issue.record("the token's repetition was not reported")
    } catch let error as KubernetesError {
      #expect("\(error)".hasSuffix("unexpected answer: the continue token is repeated"))
    }
  }

  @Test("an unreadable object does not hide the others")
  func unreadable() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    let items =
      #"[{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"spec\":{\"size\":\"x\"}},{\"metadata\":{\"name\":\"b\"},\"spec\":{\"size\":1}},7]"#
    try await server.order(
      "fault", #"{"status": 200, "body": "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":\#(items)}"}"#)
    let list = try await client.list(Widget.self)
    #expect(list.objects.map(\.metadata.name) == ["b"])
    #expect(list.unreadable.map(\.key?.description) == ["n/a", nil])
    #expect(list.unreadable.first?.problem.hasSuffix(".spec.size: expected Int") == true)
    #expect(list.resourceVersion == "5")
  }

  @Test("names with foreign characters stay within their part of the path")
  func paths() {
    #expect(
      Widget.resource.path(namespace: "a/../b", name: "x?y=ö", subresource: "status")
        == "/apis/example.com/v1/namespaces/a%2F..%2Fb/widgets/x%3Fy%3D%C3%B6/status")
    #expect(ObjectEvent.resource.path(namespace: nil) == "/api/v1/events")
  }
}
