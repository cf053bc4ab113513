import Synchronization
import Testing

/// Lets one test that computes for seconds run at a time in a debug build, where numerics are some twenty times slower: the
/// threads that all tests share stay free for those that talk to servers. An optimised build runs them all at once.
package struct NumericTrait: SuiteTrait, TestTrait, TestScoping {
  package var isRecursive: Bool { true }

  package func provideScope(for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void)
    async throws
  {
    #if DEBUG
      await Self.gate.enter()
      defer { Self.gate.leave() }
    #endif
    try await body()
  }

  private static let gate = Gate()

  /// Lets in one task at a time, in the order in which they came.
  private final class Gate: Sendable {
    private struct State {
      var isTaken = false
      var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func enter() async {
      await withCheckedContinuation { continuation in
        let isFree = state.withLock { state in
          if state.isTaken {
            state.waiting.append(continuation)
            return false
          }
          state.isTaken = true
          return true
        }
        if isFree { continuation.resume() }
      }
    }

    func leave() {
      let next = state.withLock { state in
        state.isTaken = !state.waiting.isEmpty
        return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
      }
      next?.resume()
    }
  }
}

extension Trait where Self == NumericTrait {
  /// Computes for seconds in a debug build; see ``NumericTrait``.
  package static var numeric: NumericTrait { NumericTrait() }
}
