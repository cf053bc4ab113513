/// One request, from its arrival until its answer is handed over. Loop-bound.
final class HTTPExchange {
  /// The request.
  let request: HTTPRequest
  /// Whether another request may follow on the connection.
  let isPersistent: Bool
  /// Whether the client has shown a good certificate.
  var hasCertificate: Bool { connection?.hasCertificate ?? false }
  /// Called once, when the client disconnects before its response is complete, or a stream has ended.
  var onClose: () -> Void = {}
  private(set) var isStreaming = false
  private let takesChunks: Bool
  /// Nil once the answer is complete or the client is gone.
  private weak var connection: HTTPConnection?

  init(_ head: HTTPRequestHead, on connection: HTTPConnection) {
    request = head.request
    isPersistent = head.isPersistent && !head.hasBody
    takesChunks = head.takesChunks
    self.connection = connection
  }

  /// Answers; nothing happens when it has been answered or the client is gone.
  func send(_ response: HTTPResponse) {
    guard let connection, !isStreaming else { return }
    self.connection = nil
    connection.write(response.encoded(isLast: !isPersistent, withBody: request.method != "HEAD"))
    connection.finished(self)
  }

  /// Begins an answer without an end; the connection closes behind it.
  func startStream(_ response: HTTPResponse) {
    guard let connection, !isStreaming else { return }
    isStreaming = true
    connection.write(response.encodedStart(inChunks: takesChunks))
  }

  /// Sends the next part of a stream.
  func sendChunk(_ bytes: [UInt8]) {
    guard let connection, isStreaming, !bytes.isEmpty else { return }
    guard takesChunks else { return connection.write(bytes) }
    connection.write(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8))
  }

  /// Ends a stream; what was sent still arrives.
  func endStream() {
    guard let connection, isStreaming else { return }
    self.connection = nil
    if takesChunks { connection.write(Array("0\r\n\r\n".utf8)) }
    connection.finished(self)
    onClose()
  }

  /// Cuts the connection of a client that does not read its stream.
  func abort() { connection?.cut(.slowReader, "a stream of events was not read in time") }

  /// How many bytes wait to leave the process.
  var pendingOutputBytes: Int { connection?.pendingOutput ?? 0 }

  /// The connection is gone.
  func connectionClosed() {
    guard connection != nil else { return }
    connection = nil
    onClose()
  }
}

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
