/// A queue: first in, first out, both ends in constant time.
struct Fifo<Element> {
  private var inbox: [Element] = []
  private var outbox: [Element] = []

  /// Whether nothing waits.
  var isEmpty: Bool { inbox.isEmpty && outbox.isEmpty }

  /// Adds at the end.
  mutating func append(_ element: Element) { inbox.append(element) }

  /// Takes the first.
  mutating func popFirst() -> Element? {
    if outbox.isEmpty {
      outbox = inbox.reversed()
      inbox.removeAll(keepingCapacity: true)
    }
    return outbox.popLast()
  }

  /// Takes all, in order.
  mutating func removeAll() -> [Element] {
    defer {
      inbox = []
      outbox = []
    }
    return outbox.reversed() + inbox
  }
}
