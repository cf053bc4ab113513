/// A stream's answers as Swift values.
struct DecodedResponses<Element: Sendable>: AsyncSequence, Sendable {
  typealias Failure = GRPCCallError

  let responses: GRPCResponses
  let decode: @Sendable (RawSpan) throws(GRPCStatus) -> Element

  func makeAsyncIterator() -> Iterator { Iterator(base: responses.makeAsyncIterator(), sequence: self) }

  struct Iterator: AsyncIteratorProtocol {
    fileprivate let base: GRPCResponses.Iterator
    fileprivate let sequence: DecodedResponses

    mutating func next(isolation actor: isolated (any Actor)?) async throws(GRPCCallError) -> Element? {
      guard let bytes = try await base.next(isolation: actor) else { return nil }
      do throws(GRPCStatus) {
        return try sequence.decode(bytes.span.bytes)
      } catch { throw sequence.responses.client.error(sequence.responses.method, error) }
    }

    mutating func next() async throws(GRPCCallError) -> Element? { try await next(isolation: nil) }
  }
}
