/// The life of an accepted connection, whatever protocol it carries: the TLS handshake, output that must move, and an end
/// that the peer can read.
///
/// Its owner passes on what the stream reports, and calls ``sweep(at:)`` about twice a second; each result says what the owner
/// must do. Loop-bound, as its stream is.
package struct AcceptedConnection {
  /// What an event of the stream means for the owner.
  package enum News {
    /// Nothing to do.
    case nothing
    /// All output has left: more may follow.
    case drained
    /// The TLS handshake failed. The peer has a moment to read why; nothing more is sent or read.
    case handshakeFailed(String)
    /// The peer is gone: close the connection.
    case ended
  }

  /// What a look at the deadlines found.
  package enum Finding {
    /// Nothing.
    case fine
    /// Output has not moved for as long as it may wait.
    case stalled
    /// The peer has had its moment to read the last output: close the connection.
    case over
  }

  private enum Phase {
    case handshaking
    case open
    /// Our side is closed or will be; what the peer still sends is dropped.
    case lingering(until: ContinuousClock.Instant)
    case closed
  }

  /// The bytes.
  package let stream: ByteStream
  private let writeTimeout: Duration
  private var phase: Phase
  private var stall: (count: Int, since: ContinuousClock.Instant)?

  /// How long a peer has to read the last output and to close its side.
  private static let lingerTime: Duration = .seconds(1)

  /// Takes over a stream.
  ///
  /// - Parameters:
  ///   - isSecure: whether a TLS handshake comes first.
  ///   - writeTimeout: how long output may wait without moving.
  package init(_ stream: ByteStream, isSecure: Bool, writeTimeout: Duration) {
    self.stream = stream
    self.writeTimeout = writeTimeout
    phase = isSecure ? .handshaking : .open
  }

  /// Whether bytes are still exchanged: neither side has begun to end the connection.
  package var isOpen: Bool {
    switch phase {
    case .handshaking, .open: true
    case .lingering, .closed: false
    }
  }

  /// Takes note of an event of the stream.
  package mutating func take(_ event: ByteStream.Event) -> News {
    switch (event, phase) {
    case (.connected, .handshaking):
      phase = .open
      return .nothing
    case (.connected, _): return .nothing
    case (.drained, .lingering):
      stream.endOutput()
      return .nothing
    case (.drained, _): return .drained
    case (.failed(let problem), .handshaking):
      phase = .lingering(until: .now + Self.lingerTime)
      stream.endFailedHandshake()
      return .handshakeFailed(problem)
    case (.failed, _), (.closedByPeer, _), (.timedOut, _): return .ended
    }
  }

  /// Closes our side, so that the peer gets all that was sent, and leaves it a moment to do the same.
  package mutating func linger() {
    guard isOpen else { return }
    phase = .lingering(until: .now + Self.lingerTime)
    if stream.pendingOutput == 0 { stream.endOutput() }
    stream.setReading(true)
  }

  /// Closes the connection at once; false when it was closed before.
  package mutating func close() -> Bool {
    if case .closed = phase { return false }
    phase = .closed
    stream.close()
    return true
  }

  /// Looks at the deadlines that all connections have.
  package mutating func sweep(at now: ContinuousClock.Instant) -> Finding {
    if isStalled(at: now) { return .stalled }
    if case .lingering(let end) = phase, end <= now, stall == nil { return .over }
    return .fine
  }

  private mutating func isStalled(at now: ContinuousClock.Instant) -> Bool {
    let count = stream.pendingOutput
    guard count > 0 else {
      stall = nil
      return false
    }
    if let stall, stall.count <= count { return stall.since + writeTimeout <= now }
    stall = (count, now)
    return false
  }
}
