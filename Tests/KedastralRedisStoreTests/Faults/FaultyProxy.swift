import Foundation
import KedastralNet

/// A proxy between a store and a server that damages the server's replies.
final class FaultyProxy: Sendable {
  /// What is done to the server's bytes.
  enum Fault: Sendable {
    /// Nothing: bytes pass unchanged.
    case none
    /// Each piece is delayed by this duration.
    case delay(Duration)
    /// The connection is closed after this many bytes.
    case cut(after: Int)
    /// These bytes are sent instead.
    case garbage(String)
    /// No bytes are sent.
    case silence
  }

  let port: UInt16
  private let loop: EventLoop
  private let state: LoopBound<State>

  private final class State {
    var fault = Fault.none
    var listener: Listener?
    var pairs: [Pair] = []
  }

  private final class Pair {
    var client: ByteStream?
    var attempt: OutgoingConnection?
    var server: ByteStream?
    var timers: [LoopTimer] = []
    var passed = 0
    /// The delayed pieces, in order: timers that are due together fire in any order.
    var late: [[UInt8]] = []

    func close() {
      attempt?.cancel()
      client?.close()
      server?.close()
      timers = []
    }
  }

  init(to target: UInt16) async throws {
    let loop = try EventLoop()
    self.loop = loop
    state = try await loop.run {
      let state = State()
      state.listener = try Listener(on: loop, at: ListenAddress(host: "127.0.0.1", port: 0)) { [unowned state] in
        guard let client = ByteStream(on: loop, accepted: $0) else { return }
        Self.join(client, to: target, on: loop, state)
      }
      return LoopBound(state, to: loop)
    }
    port = try await loop.run { [state] in state.withValue { $0.listener?.address.port ?? 0 } }
  }

  deinit {
    let loop = loop
    let state = state
    loop.execute {
      state.withValue { state in
        state.pairs.forEach { $0.close() }
        state.pairs = []
        state.listener?.close()
      }
    }
    Task { await loop.stop() }
  }

  /// Changes the treatment of new connections, and closes the existing ones.
  func set(_ fault: Fault) async throws {
    try await loop.run { [state] in
      state.withValue { state in
        state.fault = fault
        state.pairs.forEach { $0.close() }
        state.pairs = []
      }
    }
  }

  private static func join(_ client: ByteStream, to target: UInt16, on loop: EventLoop, _ state: State) {
    let pair = Pair()
    pair.client = client
    state.pairs.append(pair)
    pair.attempt = OutgoingConnection(
      on: loop, to: .network(host: "127.0.0.1", port: target), deadline: .seconds(5)
    ) { [unowned pair, unowned state] result in
      guard case .success(let server) = result else { return pair.close() }
      pair.server = server
      client.onInput = { [unowned client, unowned server] in
        client.withInput { bytes in
          server.write(bytes)
          return bytes.count
        }
      }
      client.onEvent = { [unowned pair] event in if case .drained = event {} else { pair.close() } }
      server.onEvent = { [unowned pair] event in if case .drained = event {} else { pair.close() } }
      server.onInput = { [unowned server, unowned pair, unowned state] in
        var bytes: [UInt8] = []
        server.withInput { input in
          bytes = Array(input)
          return input.count
        }
        pass(bytes, to: pair, state.fault, on: loop)
      }
      client.onInput()
    }
  }

  private static func pass(_ bytes: [UInt8], to pair: Pair, _ fault: Fault, on loop: EventLoop) {
    switch fault {
    case .none: bytes.withUnsafeBytes { pair.client?.write($0) }
    case .silence: break
    case .delay(let time):
      pair.late.append(bytes)
      pair.timers.append(
        LoopTimer(on: loop, every: time, repeating: false) { [unowned pair] in
          pair.late.removeFirst().withUnsafeBytes { pair.client?.write($0) }
        })
    case .garbage(let text): Array(text.utf8).withUnsafeBytes { pair.client?.write($0) }
    case .cut(let limit):
      bytes.prefix(limit - pair.passed).withUnsafeBytes { pair.client?.write($0) }
      pair.passed += bytes.count
      if pair.passed >= limit { pair.close() }
    }
  }
}
