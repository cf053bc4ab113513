import CEvent

/// Calls back on an event loop, once or again and again, until it is cancelled or released.
package final class LoopTimer {
  private let loop: EventLoop
  private let isRepeating: Bool
  private let interval: Duration
  private let action: () -> Void
  private var event: OpaquePointer?

  /// Creates a timer that first fires `interval` from now.
  ///
  /// - Precondition: the caller runs on the loop's thread; so does every later use, its release included.
  package init(on loop: EventLoop, every interval: Duration, repeating: Bool = true, _ action: @escaping () -> Void) {
    loop.preconditionOnLoop()
    self.loop = loop
    self.interval = interval
    self.isRepeating = repeating
    self.action = action
    let context = Unmanaged.passUnretained(self).toOpaque()
    event = event_new(
      loop.base, -1, repeating ? Int16(EV_PERSIST) : 0,
      { _, _, context in
        guard let context else { return }
        Unmanaged<LoopTimer>.fromOpaque(context).takeUnretainedValue().action()
      }, context)
    restart()
  }

  /// Restarts the timer from now.
  package func restart() {
    guard let event else { return }
    var time = interval.timeval
    event_add(event, &time)
  }

  /// Stops it for good.
  package func cancel() {
    guard let event else { return }
    event_free(event)
    self.event = nil
  }

  deinit { cancel() }
}

extension Duration {
  /// The duration as C's seconds and microseconds, rounded down, never negative.
  package var timeval: timeval {
    let (seconds, attoseconds) = self < .zero ? (0, 0) : components
    return CEvent.timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
  }
}
