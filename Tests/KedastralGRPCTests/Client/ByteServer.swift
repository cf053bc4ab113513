import KedastralGRPC
import KedastralNet

/// A server that answers every connection's first bytes with bytes of the test's choosing.
enum ByteServer {
  private final class State {
    var listener: Listener?
    var streams: [ByteStream] = []
  }

  /// Runs `body` with the port of such a server; nil as the answer is silence.
  static func answering<Result: Sendable>(
    _ answer: [UInt8]?, thenCloses: Bool = true, _ body: (UInt16) async throws -> Result
  ) async throws -> Result {
    let loop = try EventLoop()
    let (state, port) = try await loop.run {
      let state = State()
      let listener = try Listener(on: loop, at: ListenAddress(host: "127.0.0.1", port: 0)) { [unowned state] in
        guard let stream = ByteStream(on: loop, accepted: $0) else { return }
        state.streams.append(stream)
        guard let answer else { return }
        var isAnswered = false
        stream.onInput = { [unowned stream] in
          stream.withInput { $0.count }
          if isAnswered { return }
          isAnswered = true
          answer.withUnsafeBytes { stream.write($0) }
          if thenCloses { stream.endOutput() }
        }
      }
      state.listener = listener
      return (LoopBound<State?>(state, to: loop), listener.address.port)
    }
    func end() async throws {
      try await loop.run {
        state.withValue { state in
          state?.listener?.close()
          for stream in state?.streams ?? [] { stream.close() }
          state = nil
        }
      }
      await loop.stop()
    }
    do {
      let result = try await body(port)
      try await end()
      return result
    } catch {
      try await end()
      throw error
    }
  }
}
