import KedastralCore
import KedastralNet

/// A client's calls and connections: one connection at a time takes new calls; those that the server closes finish their calls.
/// Loop-bound.
final class ClientChannel {
  private let loop: EventLoop
  private let configuration: GRPCClient.Configuration
  private let tls: TLSIdentity?
  private var calls: [Int: ClientCall] = [:]
  private var waiting: [ClientCall] = []
  private var attempt: OutgoingConnection?
  private var connection: ClientConnection?
  private var leaving: [ClientConnection] = []
  private var isClosed = false

  init(on loop: EventLoop, _ configuration: GRPCClient.Configuration, tls: TLSIdentity?) {
    self.loop = loop
    self.configuration = configuration
    self.tls = tls
  }

  // MARK: Calls

  /// Begins a call under a number of the caller's.
  func begin(_ number: Int, path: String, message: [UInt8], deadline: Duration?) {
    let call = ClientCall(
      path: path, message: message, deadline: deadline, maximumLength: configuration.maximumMessageBytes)
    calls[number] = call
    guard !isClosed else { return call.finish(GRPCStatus(.cancelled, "the client was closed")) }
    guard message.count <= configuration.maximumMessageBytes else {
      let limit = configuration.maximumMessageBytes
      return call.finish(MessageDeframer.tooLong(message.count, maximum: limit))
    }
    if let deadline {
      call.timer = LoopTimer(on: loop, every: deadline, repeating: false) { [unowned self, unowned call] in
        end(call, call.timedOut)
      }
    }
    place(call)
  }

  /// Asks for a call's next message, or its end when it ended well.
  func next(of number: Int, _ completion: @escaping (Result<ClientCall.Event, GRPCStatus>) -> Void) {
    guard let call = calls[number] else {
      return completion(.failure(GRPCStatus(.cancelled, "the client was closed")))
    }
    call.next { [unowned call] result in
      completion(result)
      call.connection?.acknowledge(call)
    }
  }

  /// Breaks a call off because its caller wants no more.
  func cancel(_ number: Int) {
    if let call = calls[number] { end(call, GRPCStatus(.cancelled, "the client cancelled the call")) }
  }

  /// Removes a call that is no longer read.
  func forget(_ number: Int) {
    cancel(number)
    calls[number] = nil
  }

  /// Ends everything; later calls fail.
  func close() {
    isClosed = true
    attempt = nil
    for call in calls.values { end(call, GRPCStatus(.cancelled, "the client was closed")) }
    connection?.close()
    for connection in leaving { connection.close() }
    connection = nil
    leaving = []
  }

  private func place(_ call: ClientCall) {
    if let connection {
      if connection.begin(call) { return }
      retire(connection)
    }
    waiting.append(call)
    connect()
  }

  private func end(_ call: ClientCall, _ status: GRPCStatus) {
    guard call.outcome == nil else { return }
    call.finish(status)
    waiting.removeAll { $0 === call }
    call.connection?.cancel(call)
    if waiting.isEmpty { attempt = nil }
  }

  // MARK: Connections

  private func connect() {
    guard attempt == nil else { return }
    tls?.refresh()
    let secure = tls.map {
      OutgoingConnection.TLS(
        context: $0.context, serverName: configuration.serverName ?? configuration.address.host ?? "localhost")
    }
    attempt = OutgoingConnection(
      on: loop, to: configuration.address, tls: secure, deadline: configuration.connectTimeout
    ) { [unowned self] result in
      attempt = nil
      switch result {
      case .success(let stream): use(ClientConnection(stream, on: loop, configuration))
      case .failure(let error):
        let calls = waiting
        waiting = []
        for call in calls { call.finish(GRPCStatus(.unavailable, text(of: error))) }
      }
    }
  }

  private func text(of error: OutgoingConnection.ConnectError) -> String {
    // What OpenSSL says of a server that answers in plain text, or hangs up because it does not understand.
    let signs = ["wrong version number", "unexpected eof", "packet length too long"]
    let hint = tls != nil && signs.contains(where: error.problem.contains) ? "; the server may not use TLS" : ""
    return "cannot connect: \(error.problem)\(hint)"
  }

  private func use(_ connection: ClientConnection) {
    self.connection = connection
    connection.onChange = { [unowned self, unowned connection] in changed(connection) }
    let calls = waiting
    waiting = []
    for call in calls { place(call) }
  }

  private func changed(_ connection: ClientConnection) {
    let calls = connection.takeUntouchedCalls()
    if !connection.takesCalls { retire(connection) }
    for call in calls where call.outcome == nil { place(call) }
  }

  /// Lets a connection carry the calls that it has, and no more.
  private func retire(_ connection: ClientConnection) {
    if self.connection === connection { self.connection = nil }
    leaving.removeAll { $0 === connection }
    if !connection.isClosed, connection.hasCalls { leaving.append(connection) }
  }
}
