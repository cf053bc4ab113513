import Foundation
import KedastralNet

/// Stands between a store and a server, and spoils what the server says.
final class FaultyProxy: Sendable {
  /// What is done to the server's bytes.
  enum Fault: Sendable {
    /// Nothing.
    case none
    /// Each piece comes this much later.
    case delay(Duration)
    /// The connection ends after this many bytes.
    case cut(after: Int)
    /// These bytes come instead.
    case garbage(String)
    /// Nothing comes.
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
    /// What is late, in order: timers that are due together fire in any order.
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

  /// Spoils what comes from now on, on new connections: the present ones are ended.
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
