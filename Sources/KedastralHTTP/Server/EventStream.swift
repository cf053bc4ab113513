/// A stream of server-sent events to one client.
///
/// Loop-bound, as its exchange is.
package final class EventStream {
  /// The maximum unread output of a client before it is disconnected; after a reconnect it receives everything again.
  package static let maximumBacklogBytes = 16 << 20

  /// Called once, when the client is gone.
  package var onClose: () -> Void {
    get { exchange.onClose }
    set { exchange.onClose = newValue }
  }

  private let exchange: HTTPExchange

  init(_ exchange: HTTPExchange) {
    self.exchange = exchange
    exchange.startStream(
      HTTPResponse(type: "text/event-stream", body: []).with("X-Accel-Buffering", "no"))
  }

  /// Sends one event whose data is one line.
  package func send(_ name: String, _ data: [UInt8]) {
    if exchange.pendingOutputBytes > Self.maximumBacklogBytes { return exchange.abort() }
    exchange.sendChunk(Array("event: \(name)\ndata: ".utf8) + data + Array("\n\n".utf8))
  }
}
