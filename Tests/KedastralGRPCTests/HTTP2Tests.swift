import Foundation
import KedastralCore
import KedastralGRPC
import TestSupport
import Testing

/// Error codes of RFC 9113, section 7.
private enum ErrorCode {
  static let protocolError: UInt8 = 1
  static let flowControlError: UInt8 = 3
  static let streamClosed: UInt8 = 5
  static let frameSizeError: UInt8 = 6
  static let compressionError: UInt8 = 9
  static let enhanceYourCalm: UInt8 = 11
}

@Suite("HTTP/2, frame by frame")
struct HTTP2Tests {
  private typealias Frame = RawClient.Frame
  private static let reference: [UInt8] = [0x0A, 3] + Array("api".utf8)

  @Test("a call by hand: headers, data, trailers, and END_STREAM at the end")
  func wholeCall() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(.headers(1), .message(1, Self.reference))
      let headers = try #require(client.next(type: 1))
      #expect(headers.flags == 4)
      let data = try #require(client.next(type: 0))
      #expect(data.payload == [0, 0, 0, 0, 2, 8, 1])
      #expect(data.flags == 0)
      let trailers = try #require(client.next(type: 1))
      #expect(trailers.flags == 5)
      client.send(.ping())
      #expect(client.next(type: 6) == .ping(1))
    }
  }

  @Test("a message in pieces of one byte, over many frames, is one message")
  func pieces() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(.headers(1))
      let whole = Frame.message(1, Self.reference).payload
      for (index, byte) in whole.enumerated() {
        client.send(Frame(type: 0, flags: index == whole.count - 1 ? 1 : 0, stream: 1, payload: [byte]).bytes)
      }
      #expect(client.next(type: 0)?.payload == [0, 0, 0, 0, 2, 8, 1])
    }
  }

  @Test(
    "wrong frames end the connection with the error that RFC 9113 asks for",
    arguments: [
      ("data before headers", Frame(type: 0, stream: 1, payload: [0]), ErrorCode.protocolError),
      ("data on stream 0", Frame(type: 0, payload: [0]), ErrorCode.protocolError),
      ("headers on stream 0", .headers(0), ErrorCode.protocolError),
      ("headers on an even stream", .headers(2), ErrorCode.protocolError),
      ("a settings frame of 5 bytes", Frame(type: 4, payload: [0, 1, 2, 3, 4]), ErrorCode.frameSizeError),
      ("settings on a stream", Frame(type: 4, stream: 1), ErrorCode.protocolError),
      ("a ping of 7 bytes", Frame(type: 6, payload: [1, 2, 3, 4, 5, 6, 7]), ErrorCode.frameSizeError),
      (
        "a ping on a stream", Frame(type: 6, stream: 1, payload: Array(repeating: 0, count: 8)), ErrorCode.protocolError
      ),
      ("a reset of an idle stream", .reset(1), ErrorCode.protocolError),
      ("a window update of nothing", Frame(type: 8, payload: [0, 0, 0, 0]), ErrorCode.protocolError),
      ("a window over 2^31 - 1", Frame(type: 8, payload: [0x7F, 0xFF, 0xFF, 0xFF]), ErrorCode.flowControlError),
      (
        "a push promise from a client", Frame(type: 5, flags: 4, stream: 1, payload: [0, 0, 0, 2]),
        ErrorCode.protocolError
      ),
      ("a continuation of nothing", Frame(type: 9, flags: 4, stream: 1, payload: [0]), ErrorCode.protocolError),
      (
        "a header block that cannot be unpacked",
        Frame(type: 1, flags: 4, stream: 1, payload: [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]), ErrorCode.compressionError
      ),
      (
        "initial windows over 2^31 - 1", Frame(type: 4, payload: [0, 4, 0xFF, 0xFF, 0xFF, 0xFF]),
        ErrorCode.flowControlError
      ),
    ] as [(String, RawClient.Frame, UInt8)])
  fileprivate func violation(what: String, frame: RawClient.Frame, code: UInt8) async throws {
    try await TestScaler.serving([]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(frame)
      #expect(client.next(type: 7)?.errorCode == code)
      while client.next() != nil {}
      #expect(client.isClosed)
    }
  }

  @Test("a frame over the size limit ends the connection with FRAME_SIZE_ERROR")
  func oversizedFrame() async throws {
    try await TestScaler.serving([]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(.headers(1), Frame(type: 0, stream: 1, payload: Array(repeating: 0, count: 16_385)))
      #expect(client.next(type: 7)?.errorCode == ErrorCode.frameSizeError)
    }
  }

  @Test("another stream's frame inside a header block ends the connection")
  func interleaved() async throws {
    try await TestScaler.serving([]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(.headers(1, flags: 0), .headers(3))
      #expect(client.next(type: 7)?.errorCode == ErrorCode.protocolError)
    }
  }

  @Test("a message longer than the window arrives while the server opens the window")
  func longMessage() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(.headers(1))
      let note = Array(repeating: UInt8(ascii: "a"), count: 200_000)
      var message = Frame.message(1, Self.reference + [0x12, 0xC0, 0x9A, 0x0C] + note).payload[...]
      var window = 65_535
      while !message.isEmpty {
        let count = min(window, message.count, 16_384)
        client.send(
          Frame(type: 0, flags: count == message.count ? 1 : 0, stream: 1, payload: Array(message.prefix(count))))
        message = message.dropFirst(count)
        window -= count
        while window < 16_384, !message.isEmpty {
          let update = try #require(client.next(type: 8))
          if update.stream == 1 {
            window += Int(update.payload[1]) << 16 | Int(update.payload[2]) << 8 | Int(update.payload[3])
          }
        }
      }
      #expect(client.next(type: 0)?.payload == [0, 0, 0, 0, 2, 8, 1])
    }
  }

  @Test("an answer waits for the client's window, without holding others up")
  func closedWindow() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try RawClient(port: scaler.port)
      client.send(RawClient.preface)
      // An initial window of nothing.
      client.send(Frame(type: 4, payload: [0, 4, 0, 0, 0, 0]), .headers(1), .message(1, Self.reference))
      client.send(.ping())
      #expect(client.next(type: 6) != nil)
      let other = try RawClient.greeted(port: scaler.port)
      other.send(.headers(1), .message(1, Self.reference))
      #expect(other.next(type: 0) != nil)
      client.send(Frame(type: 8, stream: 1, payload: [0, 0, 0, 3]))
      #expect(client.next(type: 0)?.payload == [0, 0, 0])
      client.send(Frame(type: 8, stream: 1, payload: [0, 0, 0, 9]))
      #expect(client.next(type: 0)?.payload == [0, 2, 8, 1])
    }
  }

  @Test("headers over the limit get 431, and a header flood ends the connection")
  func headerLimits() async throws {
    try await TestScaler.serving([]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(
        .headers(
          1, flags: 5,
          more: [("x-long", String(repeating: "a", count: 15_000)), ("x-more", String(repeating: "b", count: 1000))]))
      let answer = try #require(client.next(type: 1))
      #expect(answer.stream == 1)
      let text = String(decoding: client.next(type: 0)?.payload ?? [], as: UTF8.self)
      #expect(text == "the headers are over the limit of 16384 bytes\n")
      let flooder = try RawClient.greeted(port: scaler.port)
      flooder.send(.headers(1, flags: 0))
      for _ in 0..<20 { flooder.send(Frame(type: 9, stream: 1, payload: [])) }
      while flooder.next() != nil {}
      #expect(flooder.isClosed)
      #expect(scaler.metric("kedastral_scaler_grpc_refusals_total", "header_size") == 1)
    }
  }

  @Test("a rapid reset is cut off, while others are answered")
  func rapidReset() async throws {
    var limits = GRPCLimits()
    limits.resetBurst = 50
    limits.resetsPerSecond = 1
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      for index in 0..<200 {
        let stream = UInt32(1 + 2 * index)
        client.send(.headers(stream), .reset(stream))
      }
      #expect(client.next(type: 7) != nil)
      while client.next() != nil {}
      #expect(client.isClosed)
      let other = try RawClient.greeted(port: scaler.port)
      other.send(.headers(1), .message(1, Self.reference))
      #expect(other.next(type: 0)?.payload == [0, 0, 0, 0, 2, 8, 1])
    }
  }

  @Test("a flood of pings, settings or empty data is cut off", arguments: [6, 4, 0] as [UInt8])
  func idleFrames(type: UInt8) async throws {
    var limits = GRPCLimits()
    limits.idleFrameBurst = 100
    limits.idleFramesPerSecond = 1
    try await TestScaler.serving([], limits: limits) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(.headers(1))
      let frame: Frame =
        switch type {
        case 6: .ping()
        case 4: .settings
        default: Frame(type: 0, stream: 1)
        }
      for _ in 0..<200 { client.send(frame) }
      #expect(client.next(type: 7)?.errorCode == ErrorCode.enhanceYourCalm)
      while client.next() != nil {}
      #expect(client.isClosed)
      #expect((scaler.metric("kedastral_scaler_grpc_refusals_total", "idle_frames") ?? 0) >= 1)
    }
  }

  @Test("a connection without a preface, and a request that never ends, are cut off after their time")
  func slowPeers() async throws {
    var limits = GRPCLimits()
    limits.handshakeTimeout = .seconds(2)
    limits.requestTimeout = .milliseconds(300)
    try await TestScaler.serving([], limits: limits) { scaler in
      let silent = try RawClient(port: scaler.port)
      let slow = try RawClient(port: scaler.port)
      slow.send(Array(RawClient.preface.prefix(10)))
      #expect(silent.readToEnd() == "")
      #expect(silent.isClosed)
      #expect(slow.readToEnd() == "")
      let dripping = try RawClient.greeted(port: scaler.port)
      dripping.send(.headers(1), Frame(type: 0, stream: 1, payload: [0, 0]))
      #expect(dripping.next(type: 1)?.flags == 5)
      #expect(dripping.next(type: 3)?.errorCode == 0)
      #expect(scaler.metric("kedastral_scaler_grpc_refusals_total", "handshake_timeout") == 2)
      #expect(scaler.metric("kedastral_scaler_grpc_refusals_total", "request_timeout") == 1)
    }
  }

  @Test("a silent connection is probed, and cut off when it does not answer")
  func keepAlive() async throws {
    var limits = GRPCLimits()
    limits.keepAliveInterval = .milliseconds(200)
    limits.keepAliveTimeout = .seconds(2)
    try await TestScaler.serving([], limits: limits) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      #expect(client.next(type: 6)?.flags == 0)
      client.send(.ping(1))
      #expect(client.next(type: 6)?.flags == 0)
      while client.next() != nil {}
      #expect(client.isClosed)
      #expect(scaler.metric("kedastral_scaler_grpc_refusals_total", "keep_alive") == 1)
    }
  }

  @Test("a connection without calls is asked to go after its time")
  func idle() async throws {
    var limits = GRPCLimits()
    limits.idleTimeout = .milliseconds(100)
    try await TestScaler.serving([], limits: limits) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      #expect(client.next(type: 7)?.errorCode == 0)
      client.send(.ping(1))
      while client.next() != nil {}
      #expect(client.isClosed)
    }
  }

  @Test("an answer that the client never reads is cancelled after its time")
  func unreadAnswer() async throws {
    var limits = GRPCLimits()
    limits.writeTimeout = .milliseconds(200)
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let client = try RawClient(port: scaler.port)
      client.send(RawClient.preface)
      client.send(Frame(type: 4, payload: [0, 4, 0, 0, 0, 0]), .headers(1), .message(1, Self.reference))
      let cancel: UInt8 = 8
      #expect(client.next(type: 3)?.errorCode == cancel)
      #expect(scaler.metric("kedastral_scaler_grpc_refusals_total", "slow_reader") == 1)
    }
  }

  @Test("an old connection is asked to go, and calls in flight may end")
  func connectionAge() async throws {
    var limits = GRPCLimits()
    limits.connectionAge = .seconds(2)
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(.headers(1))
      let notice = try #require(client.next(type: 7))
      #expect(notice.errorCode == 0)
      #expect(notice.payload.prefix(4) == [0x7F, 0xFF, 0xFF, 0xFF])
      client.send(.ping(1))
      let last = try #require(client.next(type: 7))
      #expect(last.payload.prefix(4) == [0, 0, 0, 1])
      client.send(.message(1, Self.reference))
      #expect(client.next(type: 0)?.payload == [0, 0, 0, 0, 2, 8, 1])
      while client.next() != nil {}
      #expect(client.isClosed)
    }
  }

  @Test("connections over the limit are closed at once")
  func connectionLimit() async throws {
    var limits = GRPCLimits()
    limits.connections = 2
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let first = try RawClient.greeted(port: scaler.port)
      let second = try RawClient.greeted(port: scaler.port)
      #expect(first.next(type: 4) != nil)
      #expect(second.next(type: 4) != nil)
      let third = try RawClient(port: scaler.port)
      #expect(third.readToEnd() == "")
      #expect(scaler.metric("kedastral_scaler_grpc_refusals_total", "connection_limit") == 1)
    }
  }

  @Test("a call past its grpc-timeout fails with DEADLINE_EXCEEDED, a malformed timeout with INVALID_ARGUMENT")
  func timeouts() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(.headers(1, more: [("grpc-timeout", "1n")]), .message(1, Self.reference))
      #expect(client.next(type: 1)?.flags == 5)
      client.send(.headers(3, more: [("grpc-timeout", "soon")]), .message(3, Self.reference))
      #expect(client.next(type: 1) != nil)
      try await eventually("both are counted") {
        scaler.metric("kedastral_scaler_grpc_requests_total", "IsActive", "DEADLINE_EXCEEDED") == 1
          && scaler.metric("kedastral_scaler_grpc_requests_total", "IsActive", "INVALID_ARGUMENT") == 1
      }
    }
  }
}

@Suite("Many streams")
struct ManyStreamsTests {
  private typealias Frame = RawClient.Frame

  @Test("thousands of streams on one connection are all notified of a change, and freed with it")
  func thousands() async throws {
    let count = 3000
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      // All messages fit into this window.
      client.send(Frame(type: 8, payload: [0, 0x10, 0, 0]))
      for index in 0..<count {
        let stream = UInt32(1 + 2 * index)
        client.send(
          .headers(stream, path: "/externalscaler.ExternalScaler/StreamIsActive"),
          .message(stream, [0x0A, 3] + Array("api".utf8)))
      }
      for _ in 0..<count { #expect(client.next(type: 0)?.payload == [0, 0, 0, 0, 2, 8, 1]) }
      #expect(scaler.metric("kedastral_scaler_streams") == Double(count))
      scaler.clock.advance(by: .seconds(121))
      var told: Set<UInt32> = []
      for _ in 0..<count {
        let frame = try #require(client.next(type: 0))
        #expect(frame.payload == [0, 0, 0, 0, 0])
        told.insert(frame.stream)
      }
      #expect(told.count == count)
      client.end()
      try await eventually("the streams' end") { scaler.metric("kedastral_scaler_streams") == 0 }
    }
  }

  @Test("a client that reads nothing holds no memory: of many states it gets the newest when it reads again")
  func slowReader() async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try RawClient(port: scaler.port)
      client.send(RawClient.preface)
      // The window lets the first state through, and no more.
      client.send(
        Frame(type: 4, payload: [0, 4, 0, 0, 0, 7]),
        .headers(1, path: "/externalscaler.ExternalScaler/StreamIsActive", more: []),
        .message(1, [0x0A, 3] + Array("api".utf8)))
      #expect(client.next(type: 0)?.payload.count == 7)
      var plan = try Snapshot.plan()
      for index in 1...201 {
        // Active and inactive in turn, inactive in the end.
        plan.activationThreshold = index.isMultiple(of: 2) ? 0 : 1e9
        await scaler.put([plan])
      }
      client.send(Frame(type: 8, stream: 1, payload: [0, 0x10, 0, 0]))
      // The newest alone.
      var received: [UInt8] = []
      try await eventually("the newest state") {
        received += client.next(type: 0)?.payload ?? []
        return received.suffix(5) == [0, 0, 0, 0, 0]
      }
      #expect(received.count < 100)
    }
  }
}

@Suite("Clients that speak something else")
struct OtherClientsTests {
  @Test("curl by HTTP/1.1 gets a short clean answer")
  func http1() async throws {
    try await TestScaler.serving([]) { scaler in
      let curl = try ChildProcess("curl", "-sS", "-i", "http://127.0.0.1:\(scaler.port)/")
      #expect(try await curl.waitForExit() == 0)
      #expect(curl.output.hasPrefix("HTTP/1.1 505 "))
      #expect(curl.output.hasSuffix("This port accepts only gRPC over HTTP/2.\n"))
      #expect(scaler.metric("kedastral_scaler_grpc_refusals_total", "not_http2") == 1)
    }
  }

  @Test("a connection with bytes that are not HTTP is closed without a response")
  func garbage() async throws {
    try await TestScaler.serving([]) { scaler in
      let client = try RawClient(port: scaler.port)
      client.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
      #expect(client.readToEnd() == "")
      #expect(client.isClosed)
    }
  }

  @Test(
    "curl by HTTP/2 without gRPC's method or content type gets a plain HTTP status",
    arguments: [
      ("GET", "application/grpc", "405"), ("POST", "application/json", "415"), ("POST", "application/grpcx", "415"),
      ("POST", "application/grpc+json", "415"), ("POST", "application/grpc", "200"),
      ("POST", "application/grpc+proto", "200"), ("POST", "application/grpc;charset=utf-8", "200"),
    ])
  func http2(method: String, contentType: String, status: String) async throws {
    try await TestScaler.serving([]) { scaler in
      let curl = try ChildProcess(
        "curl", "-sS", "--http2-prior-knowledge", "-X", method, "-H", "content-type: \(contentType)", "-H",
        "te: trailers", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "x",
        "http://127.0.0.1:\(scaler.port)/externalscaler.ExternalScaler/IsActive")
      #expect(try await curl.waitForExit() == 0, "\(curl.output)")
      #expect(curl.output == status)
    }
  }
}
