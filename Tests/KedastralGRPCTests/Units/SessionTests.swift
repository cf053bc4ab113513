import KedastralCore
import Testing

@testable import KedastralGRPC

/// A client's and a server's session without sockets: what one collects, the other receives.
private final class Pair {
  let client: HTTP2ClientSession
  let server: HTTP2ServerSession
  let registry: GRPCRegistry
  private(set) var serverEvents: [String] = []
  private(set) var clientEvents: [String] = []
  private(set) var requests: [GRPCCall] = []
  /// Runs for each event of the server.
  var onServerEvent: (HTTP2ServerSession.Event) -> Void = { _ in }

  private struct Service: GRPCService {
    let name = "test.Service"
    let methods = [GRPCMethod("Call", .unary { _, _, _ throws(GRPCStatus) in })]
  }

  init(_ change: (inout GRPCLimits) -> Void = { _ in }) throws {
    var limits = GRPCLimits()
    change(&limits)
    registry = GRPCRegistry([Service()], metrics: GRPCMetrics(MetricsRegistry()))
    client = try #require(HTTP2ClientSession())
    server = try #require(HTTP2ServerSession(limits: limits, registry: registry, buffers: BufferPool()))
  }

  /// Begins a call of the client.
  func begin(_ message: [UInt8] = [1, 2, 3], headers more: [(String, String)] = []) -> ClientCall {
    let call = ClientCall(path: "/test.Service/Call", message: message, deadline: nil, maximumLength: 1 << 20)
    let headers = [
      (":method", "POST"), (":scheme", "http"), (":path", call.path), (":authority", "test"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ]
    _ = client.begin(call, headers: headers + more)
    return call
  }

  /// Exchanges bytes, cut into pieces of `size`, until neither side has more to say.
  func exchange(piece size: Int = .max) {
    while toServer(size) || toClient(size) {}
  }

  private func toServer(_ size: Int) -> Bool {
    var bytes: [UInt8] = []
    var events: [HTTP2ClientSession.Event] = []
    client.collectOutput(into: &bytes, limit: 1 << 20, &events)
    take(events, [])
    for piece in Self.pieces(bytes, size) {
      var events: [HTTP2ServerSession.Event] = []
      #expect(piece.withUnsafeBytes { server.receive($0, at: .now, into: &events) })
      for event in events { take(event, piece) }
    }
    return !bytes.isEmpty
  }

  @discardableResult
  func toClient(_ size: Int = .max) -> Bool {
    var bytes: [UInt8] = []
    var events: [HTTP2ServerSession.Event] = []
    server.collectOutput(into: &bytes, limit: 1 << 20, &events)
    for event in events { take(event, []) }
    for piece in Self.pieces(bytes, size) {
      var events: [HTTP2ClientSession.Event] = []
      #expect(piece.withUnsafeBytes { client.receive($0, into: &events) })
      take(events, piece)
    }
    return !bytes.isEmpty
  }

  private static func pieces(_ bytes: [UInt8], _ size: Int) -> [[UInt8]] {
    stride(from: 0, to: bytes.count, by: min(size, max(1, bytes.count))).map { start in
      Array(bytes[start..<min(bytes.count, size == .max ? bytes.count : start + size)])
    }
  }

  private func take(_ event: HTTP2ServerSession.Event, _ bytes: [UInt8]) {
    switch event {
    case .request(let call):
      requests.append(call)
      serverEvents.append("request \(call.id)")
    case .data(let call, let range): serverEvents.append("data \(call.id) \(Array(bytes[range]))")
    case .end(let call):
      call.hasWholeRequest = true
      serverEvents.append("end \(call.id)")
    case .closed(let call): serverEvents.append("closed \(call.id)")
    case .settings, .pingAnswer, .idleFrame: break
    }
    onServerEvent(event)
  }

  private func take(_ events: [HTTP2ClientSession.Event], _ bytes: [UInt8]) {
    for event in events {
      switch event {
      case .unreadable(_, let status): clientEvents.append("unreadable \(status.code.name)")
      case .data(let call, let range): clientEvents.append("data \(call.stream) \(Array(bytes[range]))")
      case .end(let call): clientEvents.append("end \(call.stream) \(call.response.end().code.name)")
      case .closed(let call, _, let wasUntouched):
        clientEvents.append("closed \(call.stream)\(wasUntouched ? " untouched" : "")")
      case .goAway(let reason): clientEvents.append("go away: \(reason)")
      }
    }
  }
}

@Suite("HTTP/2 sessions, without a connection")
struct SessionTests {
  private static let message: [UInt8] = [0, 0, 0, 0, 3, 1, 2, 3]

  /// Answers each request when it has ended.
  private static func answering(_ pair: Pair, with status: GRPCStatus = .ok) {
    pair.onServerEvent = { [unowned pair] event in
      guard case .end(let call) = event else { return }
      if status == .ok { call.append { (output: inout [UInt8]) in output += [9, 9] } }
      call.end(.status(status))
      if status == .ok { pair.server.beginAnswer(to: call) } else { pair.server.answer(call, status: status) }
    }
  }

  @Test("returns a request's headers, content and end, and the answer's, in their order")
  func call() throws {
    let pair = try Pair()
    Self.answering(pair)
    _ = pair.begin()
    pair.exchange()
    #expect(pair.serverEvents == ["request 1", "data 1 \(Self.message)", "end 1", "closed 1"])
    #expect(pair.clientEvents == ["data 1 [0, 0, 0, 0, 2, 9, 9]", "end 1 OK", "closed 1"])
    #expect(pair.requests[0].head.isGRPC && pair.requests[0].head.isPost && pair.requests[0].head.entry != nil)
    #expect(pair.server.calls.isEmpty && pair.client.calls.isEmpty)
  }

  @Test("returns the same calls, however the bytes are cut", arguments: [1, 2, 3, 7, 50])
  func anyCut(size: Int) throws {
    let pair = try Pair()
    Self.answering(pair)
    for _ in 0..<3 { _ = pair.begin([]) }
    pair.exchange(piece: size)
    #expect(pair.serverEvents.filter { $0.hasPrefix("request") || $0.hasPrefix("closed") }.count == 6)
    #expect(pair.clientEvents.filter { $0.hasSuffix("OK") }.count == 3)
  }

  @Test("answers with a status alone in one header frame")
  func refusal() throws {
    let pair = try Pair()
    Self.answering(pair, with: GRPCStatus(.notFound, "no plan"))
    _ = pair.begin()
    pair.exchange()
    #expect(pair.clientEvents == ["end 1 NOT_FOUND", "closed 1"])
  }

  @Test("sends nothing on a stream that the client has reset in the same bytes")
  func resetAtOnce() throws {
    let pair = try Pair()
    Self.answering(pair)
    let call = pair.begin()
    // The request leaves first; its reset follows before the server has read either.
    var bytes: [UInt8] = []
    var events: [HTTP2ClientSession.Event] = []
    pair.client.collectOutput(into: &bytes, limit: 1 << 20, &events)
    pair.client.cancel(call)
    pair.client.collectOutput(into: &bytes, limit: 1 << 20, &events)
    var serverEvents: [HTTP2ServerSession.Event] = []
    #expect(bytes.withUnsafeBytes { pair.server.receive($0, at: .now, into: &serverEvents) })
    for event in serverEvents { pair.onServerEvent(event) }
    guard case .closed(let closed) = serverEvents.last else {
      Issue.record("the reset is not the last event")
      return
    }
    #expect(!closed.hasStream)
    pair.exchange()
    #expect(pair.clientEvents.isEmpty)
  }

  @Test("counts headers over the limit without keeping them")
  func longHeaders() throws {
    let pair = try Pair { $0.headerBytes = 400 }
    _ = pair.begin(headers: [("x", String(repeating: "v", count: 500)), ("grpc-timeout", "1S")])
    pair.exchange()
    #expect(pair.requests[0].headerBytes > 400)
    #expect(pair.requests[0].head.timeout == nil)
  }

  @Test("hands back a call that the server's goodbye kept from leaving")
  func untouched() throws {
    let pair = try Pair()
    pair.exchange()
    pair.server.refuseNewCalls()
    _ = pair.begin()
    pair.toClient()
    pair.exchange()
    #expect(pair.clientEvents == ["go away: NO_ERROR", "closed 1 untouched"])
    #expect(!pair.client.takesCalls)
  }

  @Test(
    "fails on bytes that are not HTTP/2, and says why", arguments: [[UInt8](repeating: 0xFF, count: 64), [0, 0, 0, 9]])
  func garbage(bytes: [UInt8]) throws {
    let server = try Pair().server
    var events: [HTTP2ServerSession.Event] = []
    #expect(!bytes.withUnsafeBytes { server.receive($0, at: .now, into: &events) })
    #expect(server.complaint != nil)
    #expect(events.isEmpty)
  }
}
