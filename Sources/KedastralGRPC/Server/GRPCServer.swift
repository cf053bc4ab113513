import KedastralCore
import KedastralNet

/// A gRPC server on one event loop: its connections, and the services that answer on the loop's thread.
///
/// Several servers, one a loop, may share a port; nothing is shared between them.
package final class GRPCServer {
  /// The address in use.
  package private(set) var address: ListenAddress
  /// Runs when the last connection has gone.
  package var onEmpty: (() -> Void)?
  /// Connections open now.
  package var connectionCount: Int { connections.count }

  let limits: GRPCLimits
  let registry: GRPCRegistry
  let metrics: GRPCMetrics
  let buffers = BufferPool()
  /// Held because handlers refer to their services without owning them.
  private let services: [any GRPCService]
  private let loop: EventLoop
  private let logger: KedastralLogger
  private let tls: TLSIdentity?
  private var listener: Listener?
  private var sweeper: LoopTimer?
  private var flusher: LoopTimer?
  private var connections: [ObjectIdentifier: GRPCConnection] = [:]
  private var connectionsToFlush: [ObjectIdentifier] = []
  /// Frames on their way to a socket.
  private var scratch: [UInt8] = []
  private var refusalLog = LogThrottle(every: .seconds(10))

  /// Starts to listen.
  ///
  /// - Parameters:
  ///   - tls: a server identity that negotiates `h2`, or nil for plain text.
  ///   - sharesPort: other loops of this process listen on the same port.
  /// - Precondition: the caller runs on the loop's thread; so does every later use.
  package init(
    on loop: EventLoop, at address: ListenAddress, tls: TLSIdentity? = nil, sharesPort: Bool = false,
    services: [any GRPCService], limits: GRPCLimits = GRPCLimits(), metrics: MetricsRegistry, logger: KedastralLogger
  ) throws {
    self.loop = loop
    self.services = services
    self.tls = tls
    self.limits = limits
    self.logger = logger
    self.metrics = GRPCMetrics(metrics)
    registry = GRPCRegistry(services, metrics: self.metrics)
    self.address = address
    let listener = try Listener(on: loop, at: address, sharesPort: sharesPort) { [unowned self] in accept($0) }
    self.listener = listener
    self.address = listener.address
    sweeper = LoopTimer(on: loop, every: .milliseconds(500)) { [unowned self] in sweep() }
    flusher = LoopTimer(on: loop, every: .zero, repeating: false) { [unowned self] in flushAll() }
  }

  /// Accepts no more connections, tells the clients to go, and ends streams; ``onEmpty`` runs when all have gone.
  package func drain() {
    listener?.close()
    listener = nil
    for connection in connections.values { connection.drain(grace: .zero) }
    if connections.isEmpty { onEmpty?() }
  }

  /// Ends everything at once.
  package func close() {
    listener?.close()
    listener = nil
    for connection in connections.values { connection.close() }
    sweeper = nil
    flusher = nil
  }

  /// Takes over a client's socket.
  func accept(_ descriptor: CInt) {
    guard connections.count < limits.connections else {
      refused(.connectionLimit, "more than \(limits.connections) connections")
      return Listener.refuse(descriptor)
    }
    guard let stream = ByteStream(on: loop, accepted: descriptor, tls: tls?.context) else { return }
    let connection = GRPCConnection(on: self, stream: stream)
    connections[ObjectIdentifier(connection)] = connection
    metrics.connections.increment()
  }

  private func sweep() {
    tls?.refresh()
    let now = ContinuousClock.now
    for connection in connections.values { connection.sweep(at: now) }
  }

  // MARK: For connections

  /// Whether clients must use TLS.
  var isSecure: Bool { tls != nil }

  func removed(_ connection: GRPCConnection) {
    guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    metrics.connections.increment(by: -1)
    if connections.isEmpty { onEmpty?() }
  }

  /// Counts something that a limit cut off, and logs it now and then.
  func refused(_ reason: GRPCMetrics.Refusal, _ text: String) {
    metrics.countRefusal(reason)
    guard let skipped = refusalLog.admit(reason.rawValue, at: .now) else { return }
    logger.warn(
      "gRPC client disconnected by a limit", ["reason": reason.rawValue, "detail": text, "notLogged": "\(skipped)"])
  }

  /// Has a connection flushed when all that happens now has happened, so that many messages leave in one write.
  func scheduleFlush(of connection: GRPCConnection) {
    if connectionsToFlush.isEmpty { flusher?.restart() }
    if connectionsToFlush.last != ObjectIdentifier(connection) {
      connectionsToFlush.append(ObjectIdentifier(connection))
    }
  }

  private func flushAll() {
    let identifiers = connectionsToFlush
    connectionsToFlush = []
    for identifier in Set(identifiers) { connections[identifier]?.flush() }
  }

  /// Writes one batch of frames and returns its size.
  func collect(from session: HTTP2Session, into stream: ByteStream) -> Int {
    var batch: [UInt8] = []
    swap(&batch, &scratch)
    session.collectOutput(into: &batch, limit: 64 << 10)
    let count = batch.count
    // The pointer is used during the call alone.
    batch.withUnsafeBytes { stream.write($0) }
    batch.removeAll(keepingCapacity: true)
    swap(&batch, &scratch)
    return count
  }
}
