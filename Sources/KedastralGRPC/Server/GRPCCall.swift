/// One call on a connection: what is known of the request, and the answer as far as it has not left.
///
/// A streaming handler keeps the call and sends on it until it finishes it or ``onClose`` runs:
///
///     call.onClose = { … }             // the client is gone: forget the call
///     call.send { $0 += message }      // as often as there is news
///     call.finish(.ok)
package final class GRPCCall {
  /// How an answer ends behind its last message.
  enum Ending: Equatable {
    /// The call continues.
    case none
    /// With trailers.
    case status(GRPCStatus)
    /// With the text of a plain HTTP answer.
    case http
  }

  /// Runs once, when the call is over for whatever reason.
  package var onClose: (() -> Void)?
  /// Whether nothing can be sent any more.
  package private(set) var isClosed = false
  /// Bytes that wait for the client's flow-control window or the socket: a sender of states may skip one while there are any.
  package var pendingOutput: Int { output.count - outputOffset }

  let id: Int32
  /// Who carries the call; nil until its headers have arrived, and no handler has it before.
  unowned var connection: GRPCConnection?
  /// Whether HTTP/2 still knows the call's stream.
  var hasStream = true
  let startedAt: ContinuousClock.Instant
  var head = RequestHead()
  var headerBytes = 0
  var deframer: MessageDeframer
  /// What the connection's sum of buffered bytes holds of this call.
  var accountedBytes = 0
  /// Whether the client has ended its side.
  var hasWholeRequest = false
  /// Whether all of the answer has left while the client still sends.
  var isAnsweredEarly = false
  var hasBegunAnswer = false
  private(set) var ending = Ending.none
  /// The trailers of a successful response in addition to the status.
  var trailers: GRPCFields = []
  /// When the answer was complete on our side.
  private(set) var endedAt: ContinuousClock.Instant?
  private var output: [UInt8] = []
  private var outputOffset = 0

  init(id: Int32, at now: ContinuousClock.Instant, deframer: MessageDeframer) {
    self.id = id
    startedAt = now
    self.deframer = deframer
  }

  /// When the client stops waiting.
  var deadline: ContinuousClock.Instant? { head.timeout.map { startedAt + $0 } }

  // MARK: For handlers

  /// Sends a message: `write` appends its encoded form.
  package func send(_ write: (inout [UInt8]) -> Void) {
    guard !isClosed, ending == .none else { return }
    append(write)
    connection?.hasNews(self)
  }

  /// Ends the answer, behind the messages sent.
  package func finish(_ status: GRPCStatus) {
    guard !isClosed, ending == .none else { return }
    end(.status(status))
    connection?.hasNews(self)
  }

  // MARK: For the connection

  /// Appends one message with its length in front, and leaves the output as it was when `write` throws.
  func append<Failure: Error>(_ write: (inout [UInt8]) throws(Failure) -> Void) throws(Failure) {
    let start = output.count
    output.append(contentsOf: [0, 0, 0, 0, 0])
    do throws(Failure) {
      try write(&output)
    } catch {
      output.removeSubrange(start...)
      throw error
    }
    let length = UInt32(truncatingIfNeeded: output.count - start - MessageDeframer.prefixLength)
    for index in 0..<4 { output[start + 1 + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index)) }
  }

  /// Appends text of a plain HTTP answer.
  func append(text: String) { output += text.utf8 }

  /// Drops messages that have not left.
  func dropOutput() {
    output.removeAll(keepingCapacity: true)
    outputOffset = 0
  }

  /// Notes how the answer ends.
  func end(_ ending: Ending) {
    self.ending = ending
    endedAt = .now
  }

  /// Moves as much output as fits.
  func moveOutput(to frame: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(frame.count, pendingOutput)
    output.withUnsafeBytes {
      frame.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[outputOffset..<outputOffset + count]))
    }
    outputOffset += count
    if outputOffset == output.count {
      output.removeAll(keepingCapacity: true)
      outputOffset = 0
    }
    return count
  }

  /// Gives the output's storage to the call, or takes it back, so that calls in a row need no new one.
  func exchangeOutputStorage(_ storage: inout [UInt8]) { swap(&output, &storage) }

  /// Notes the end and tells the handler.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    let tell = onClose
    onClose = nil
    tell?()
  }
}

/// Emptied buffers of calls that are over, for the next calls to fill.
final class BufferPool {
  private var buffers: [[UInt8]] = []

  /// An empty buffer, with storage if there is one.
  func take() -> [UInt8] { buffers.popLast() ?? [] }

  /// Keeps an empty buffer, unless it is large or there are enough.
  func giveBack(_ buffer: [UInt8]) {
    if buffers.count < 512, (1...4096).contains(buffer.capacity) { buffers.append(buffer) }
  }
}
