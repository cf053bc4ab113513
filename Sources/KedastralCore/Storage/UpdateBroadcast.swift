import Synchronization

/// Sends a store's updates to any number of listeners, each at its own pace.
/// For a slow listener only the newest update of each workload is kept, so the number of workloads bounds the memory.
package final class UpdateBroadcast: Sendable {
  private struct Listeners {
    var nextIdentifier = 0
    var inboxes: [Int: WeakInbox] = [:]
  }

  private struct WeakInbox { weak var inbox: Inbox? }

  private let listeners = Mutex(Listeners())

  /// Creates a broadcast without listeners.
  package init() {}

  /// Sends `update` to every listener.
  package func send(_ update: StoreUpdate) {
    let inboxes = listeners.withLock { listeners in
      listeners.inboxes = listeners.inboxes.filter { $0.value.inbox != nil }
      return listeners.inboxes.values.compactMap(\.inbox)
    }
    for inbox in inboxes { inbox.offer(update) }
  }

  /// A stream of the updates from now on.
  ///
  /// - Parameter replay: called once with a function that adds what is already stored; updates sent meanwhile are not lost.
  package func subscribe(replay: ((StoreUpdate) -> Void) -> Void) -> AsyncStream<StoreUpdate> {
    let inbox = Inbox()
    listeners.withLock { listeners in
      listeners.inboxes[listeners.nextIdentifier] = WeakInbox(inbox: inbox)
      listeners.nextIdentifier += 1
    }
    replay { inbox.offer($0) }
    return AsyncStream {
      await inbox.next()
    } onCancel: {
      inbox.finish()
    }
  }

  /// The unread updates of one listener.
  private final class Inbox: Sendable {
    private struct State {
      /// Names in order of arrival, and the older ones of them in reverse, ready to be taken.
      var order: [WorkloadName] = []
      var batch: [WorkloadName] = []
      var pending: [WorkloadName: StoreUpdate] = [:]
      var waiter: CheckedContinuation<StoreUpdate?, Never>?
      var isFinished = false

      mutating func takeFirst() -> StoreUpdate? {
        if batch.isEmpty {
          batch = order.reversed()
          order = []
        }
        return batch.popLast().flatMap { pending.removeValue(forKey: $0) }
      }
    }

    private let state = Mutex(State())

    func offer(_ update: StoreUpdate) {
      let waiter = state.withLock { state -> CheckedContinuation<StoreUpdate?, Never>? in
        guard !state.isFinished else { return nil }
        if let waiter = state.waiter {
          state.waiter = nil
          return waiter
        }
        if state.pending.updateValue(update, forKey: update.workload) == nil { state.order.append(update.workload) }
        return nil
      }
      waiter?.resume(returning: update)
    }

    func next() async -> StoreUpdate? {
      await withCheckedContinuation { continuation in
        let ready: StoreUpdate?? = state.withLock { state in
          if state.isFinished { return .some(nil) }
          guard !state.pending.isEmpty else {
            state.waiter = continuation
            return nil
          }
          return .some(state.takeFirst())
        }
        if let ready { continuation.resume(returning: ready) }
      }
    }

    func finish() {
      let waiter = state.withLock { state in
        state.isFinished = true
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume(returning: nil)
    }
  }
}
