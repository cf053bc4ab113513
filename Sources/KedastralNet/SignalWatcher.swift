import CEvent

/// Tells of Unix signals on an event loop; one loop of a process may watch signals.
package final class SignalWatcher {
  private let action: (CInt) -> Void
  private var events: [OpaquePointer] = []

  /// Starts to watch `signals`, whose default effect ceases meanwhile.
  ///
  /// - Precondition: the caller runs on the loop's thread; so does every later use, its release included.
  package init(on loop: EventLoop, signals: [CInt], _ action: @escaping (CInt) -> Void) {
    loop.preconditionOnLoop()
    self.action = action
    let context = Unmanaged.passUnretained(self).toOpaque()
    for signal in signals {
      let event = event_new(
        loop.base, signal, Int16(EV_SIGNAL | EV_PERSIST),
        { signal, _, context in
          guard let context else { return }
          Unmanaged<SignalWatcher>.fromOpaque(context).takeUnretainedValue().action(signal)
        }, context)
      guard let event else { continue }
      event_add(event, nil)
      events.append(event)
    }
  }

  /// Stops watching; the signals' default effect returns.
  package func cancel() {
    for event in events { event_free(event) }
    events = []
  }

  deinit { cancel() }
}
