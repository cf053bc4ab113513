/// The answers of one server-streaming call, as encoded messages.
///
/// The call begins with the first `next()` and is broken off when its iterator goes away. A reader who is slow holds up the
/// server: no more than a flow-control window waits here.
package struct GRPCResponses: AsyncSequence, Sendable {
  package typealias Element = [UInt8]
  package typealias Failure = GRPCCallError

  let client: GRPCClient
  let method: String
  let message: [UInt8]
  let deadline: Duration?

  package func makeAsyncIterator() -> Iterator { Iterator(self) }

  /// One call.
  package final class Iterator: AsyncIteratorProtocol {
    private let call: GRPCResponses
    private var number: Int?
    /// The service's own fields of headers and trailers, once the call has ended well.
    private(set) var metadata: GRPCFields = []

    fileprivate init(_ call: GRPCResponses) { self.call = call }

    deinit { if let number { call.client.forget(number) } }

    /// The next message; nil when the call has ended well.
    ///
    /// - Throws: how else it ended; CANCELLED when the task is cancelled.
    package func next(isolation actor: isolated (any Actor)?) async throws(GRPCCallError) -> [UInt8]? {
      // Begun before the task's cancellation is listened for, so that a call can only be cancelled once it is there.
      let number = self.number ?? call.client.begin(call.method, call.message, deadline: call.deadline)
      self.number = number
      switch await call.client.next(of: number) {
      case .success(.message(let message)): return message
      case .success(.end(let metadata)):
        self.metadata = metadata
        return nil
      case .failure(let status): throw call.client.error(call.method, status)
      }
    }

    package func next() async throws(GRPCCallError) -> [UInt8]? { try await next(isolation: nil) }
  }
}
