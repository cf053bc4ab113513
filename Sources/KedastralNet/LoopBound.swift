/// A value that belongs to one event loop: it can be passed anywhere, but accessed only on the loop's thread.
// Safe to share: every access checks that it happens on the loop's thread.
package final class LoopBound<Value>: @unchecked Sendable {
  /// The loop that the value belongs to.
  package let loop: EventLoop
  private var value: Value

  /// Binds a value to a loop.
  ///
  /// - Precondition: the caller runs on the loop's thread.
  package init(_ value: Value, to loop: EventLoop) {
    loop.preconditionOnLoop()
    self.value = value
    self.loop = loop
  }

  /// Reads or changes the value.
  ///
  /// - Precondition: the caller runs on the loop's thread.
  @inline(__always)
  package func withValue<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    loop.preconditionOnLoop()
    return try body(&value)
  }
}
