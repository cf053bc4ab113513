import Foundation
import KedastralGRPC
import TestSupport
import Testing

private typealias Frame = RawClient.Frame

@Suite("What one HTTP/2 client may do to others")
struct HTTP2AbuseTests {
  private static let reference: [UInt8] = [0x0A, 3] + Array("api".utf8)

  /// Runs `abuse` on a connection of its own while a neighbour's calls are answered; the abuser is cut off in the end.
  private func cutOff(
    _ change: (inout GRPCLimits) -> Void = { _ in }, _ abuse: (RawClient) -> Void
  ) async throws {
    var limits = GRPCLimits()
    change(&limits)
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let neighbour = try RawClient.greeted(port: scaler.port)
      let abuser = try RawClient.greeted(port: scaler.port)
      for round in UInt32(0)..<20 {
        abuse(abuser)
        neighbour.send(.headers(1 + 2 * round), .message(1 + 2 * round, Self.reference))
        #expect(neighbour.next(type: 0)?.payload == [0, 0, 0, 0, 2, 8, 1])
      }
      while abuser.next() != nil {}
      #expect(abuser.isClosed)
    }
  }

  @Test("a flood of empty CONTINUATION frames")
  func continuationFlood() async throws {
    var isFirst = true
    try await cutOff { _ in
    } _: { client in
      if isFirst { client.send(.headers(1, flags: 0)) }
      isFirst = false
      for _ in 0..<100 { client.send(Frame(type: 9, stream: 1)) }
    }
  }

  @Test("window updates of a byte without end")
  func windowFlood() async throws {
    try await cutOff {
      $0.idleFrameBurst = 300
      $0.idleFramesPerSecond = 1
    } _: { client in
      let frame = Frame(type: 8, payload: [0, 0, 0, 1])
      for _ in 0..<100 { client.send(frame) }
    }
  }

  @Test(
    "frames that HTTP/2 forbids end connection or call with the error of RFC 9113",
    arguments: [
      ("server push that a client cannot set to 2", Frame(type: 4, payload: [0, 2, 0, 0, 0, 2]), 7, 1),
      ("a largest frame below 16,384", Frame(type: 4, payload: [0, 5, 0, 0, 0x3F, 0xFF]), 7, 1),
      ("an acknowledgement of settings with content", Frame(type: 4, flags: 1, payload: [0, 3, 0, 0, 0, 1]), 7, 6),
      ("a reset of 3 bytes", Frame(type: 3, stream: 1, payload: [0, 0, 0]), 7, 6),
      ("a window update of 3 bytes", Frame(type: 8, payload: [0, 0, 1]), 7, 6),
      ("a goodbye on a stream", Frame(type: 7, stream: 1, payload: [0, 0, 0, 0, 0, 0, 0, 0]), 7, 1),
      ("headers whose padding is longer than they are", Frame(type: 1, flags: 12, stream: 1, payload: [9, 0]), 7, 1),
      ("a name in capitals", .headers(1, more: [("Upper", "x")]), 3, 1),
      ("a pseudo-header behind a header", .headers(1, more: [(":path", "/x")]), 3, 1),
      ("a header of a connection", .headers(1, more: [("connection", "close")]), 3, 1),
    ] as [(String, RawClient.Frame, UInt8, UInt8)])
  fileprivate func violation(what: String, frame: RawClient.Frame, answer: UInt8, code: UInt8) async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      let client = try RawClient.greeted(port: scaler.port)
      client.send(frame)
      #expect(client.next(type: answer)?.errorCode == code)
    }
  }
}
