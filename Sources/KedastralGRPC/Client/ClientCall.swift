import KedastralCore
import KedastralNet

/// One call of a client: its request, what has come back, and who waits for more. Loop-bound.
final class ClientCall {
  let path: String
  /// The request as it goes out: one message with its length in front.
  let request: [UInt8]
  let deadline: Duration?
  let startedAt = ContinuousClock.now
  /// Ends the call when its time is up.
  var timer: LoopTimer?
  /// How much of the request has left.
  var sentCount = 0
  /// The connection that carries it, and its stream there.
  weak var connection: ClientConnection?
  var stream: Int32 = 0
  /// Whether a server has already said that it did not even look at it.
  var isRetry = false
  /// Bytes that the server may not replace yet: their messages wait to be read.
  var unacknowledgedCount = 0
  /// Whether the answer's headers cannot be taken.
  var isUnreadable = false

  private(set) var response: GRPCResponse
  private let maximumLength: Int
  /// The status, once the call is over.
  private(set) var outcome: GRPCStatus?
  private var messages: [[UInt8]] = []
  private var waiter: ((Result<Event, GRPCStatus>) -> Void)?

  /// What a call that goes well brings.
  enum Event: Sendable {
    case message([UInt8])
    /// The end, with the service's own fields of headers and trailers.
    case end(GRPCFields)
  }

  init(path: String, message: [UInt8], deadline: Duration?, maximumLength: Int) {
    self.path = path
    self.deadline = deadline
    self.maximumLength = maximumLength
    response = GRPCResponse(maximumLength: maximumLength)
    let length = UInt32(truncatingIfNeeded: message.count)
    request = [0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + message
  }

  /// The remaining time, which is sent to the server; nil without a deadline.
  var remainingTime: Duration? { deadline.map { max(.zero, $0 - (.now - startedAt)) } }

  /// Whether there are received messages that have not been read.
  var hasUnreadMessages: Bool { !messages.isEmpty }

  /// Asks for the next message, or the end when the call ended well. One may ask at a time.
  func next(_ completion: @escaping (Result<Event, GRPCStatus>) -> Void) {
    waiter = completion
    serve()
  }

  func receive(header name: RawSpan, _ value: RawSpan) throws(GRPCStatus) {
    try response.receive(header: name, value)
  }

  func receive(data: RawSpan) throws(GRPCStatus) {
    var arrived: [[UInt8]] = []
    unacknowledgedCount += data.byteCount
    defer {
      messages += arrived
      serve()
    }
    try response.receive(data: data) { arrived.append($0) }
  }

  /// The status of a call whose time is up.
  var timedOut: GRPCStatus {
    let limit = DurationText.format(deadline ?? .zero)
    let text = connection == nil ? "no connection within \(limit)" : "no (complete) response within \(limit)"
    return GRPCStatus(.deadlineExceeded, text)
  }

  /// Ends the call, once; messages that have come are still read.
  func finish(_ status: GRPCStatus) {
    guard outcome == nil else { return }
    outcome = status
    timer = nil
    serve()
  }

  /// Ends the call by what the server said. It knows the client's deadline, and its clock may be a moment ahead: the call
  /// has then timed out, whatever the server's words.
  func finish(byServer status: GRPCStatus) {
    let isCut = status.code == .deadlineExceeded || status.code == .cancelled
    let isLate = deadline.map { .now - startedAt > $0 * 0.95 } ?? false
    finish(isCut && isLate ? timedOut : status)
  }

  /// Goes back to the state before it was sent.
  func prepareRetry() {
    isRetry = true
    connection = nil
    stream = 0
    sentCount = 0
    unacknowledgedCount = 0
    isUnreadable = false
    response = GRPCResponse(maximumLength: maximumLength)
  }

  private func serve() {
    guard let waiter else { return }
    if !messages.isEmpty {
      self.waiter = nil
      waiter(.success(.message(messages.removeFirst())))
    } else if let outcome {
      self.waiter = nil
      waiter(outcome.code == .ok ? .success(.end(response.metadata)) : .failure(outcome))
    }
  }
}
