import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The objects of one type, and what happens to them: a list, then changes, then another list where changes were lost.
///
///     for try await event in client.feed(ForecastPolicy.self) {
///       switch event {
///       case .listed(let list): …       // all objects there are; others are gone
///       case .changed(let policy): …
///       case .unreadable(let object): …
///       case .removed(let key): …
///       case .interrupted(let error): … // what is known stays valid; the feed tries again
///       }
///     }
///
/// It ends only by cancellation. It never starts two requests without a wait between them, so that a server that fails at
/// once is not flooded: after a failure the wait grows, with jitter, and `Retry-After` lengthens it.
package struct ObjectFeed<Object: KubernetesObject>: AsyncSequence, Sendable {
  /// What happened.
  package enum Event: Sendable {
    /// All objects that there are.
    case listed(ObjectList<Object>)
    /// An object was created or changed.
    case changed(Object)
    /// An object was created or changed, but does not have the expected fields.
    case unreadable(UnreadableObject)
    /// An object was deleted.
    case removed(ObjectKey)
    /// A request failed and will be repeated.
    case interrupted(KubernetesError)
  }

  let client: KubernetesClient
  let namespace: String?

  package func makeAsyncIterator() -> Iterator { Iterator(client: client, namespace: namespace) }

  /// The state of one reader.
  package struct Iterator: AsyncIteratorProtocol {
    private enum State {
      case listing
      case starting
      case watching(AsyncThrowingStream<[UInt8], any Error>.Iterator)
    }

    private let client: KubernetesClient
    private let namespace: String?
    private var state = State.listing
    private var version = ""
    /// Failures in a row: lists and watches without an event in between.
    private var failures = 0
    private var retryAfter: Duration?
    private var mustWait = false
    /// Whether the current watch has had an event.
    private var hasProgress = false
    private var startedAt = Date.distantPast

    init(client: KubernetesClient, namespace: String?) {
      self.client = client
      self.namespace = namespace
    }

    /// The next event.
    ///
    /// - Throws: `CancellationError` alone.
    package mutating func next() async throws -> Event? {
      while true {
        try Task.checkCancellation()
        if let event = try await advance() { return event }
      }
    }

    private mutating func advance() async throws -> Event? {
      switch state {
      case .listing:
        try await wait()
        return try await list()
      case .starting:
        try await wait()
        mustWait = true
        hasProgress = false
        startedAt = client.clock.now
        let name = KubernetesClient.name(.get, path)
        state = .watching(Watch.lines(client, path: path + query, name: name).makeAsyncIterator())
        return nil
      case .watching(var lines):
        do {
          let line = try await lines.next()
          try Task.checkCancellation()
          guard let line else {
            // The server ends each watch after some time; one that it ends at once and without an event must not be repeated at once.
            failures = hasProgress || wasSteady ? 0 : failures + 1
            state = .starting
            return nil
          }
          state = .watching(lines)
          return try read(line)
        } catch {
          return try lose(error)
        }
      }
    }

    private mutating func wait() async throws {
      guard mustWait else { return }
      mustWait = false
      try await client.pause(afterFailures: Swift.max(1, failures), retryAfter: retryAfter)
      retryAfter = nil
    }

    private mutating func list() async throws -> Event {
      mustWait = true
      do {
        let list = try await client.list(Object.self, namespace: namespace)
        version = list.resourceVersion
        // The watch of a good list follows at once.
        mustWait = false
        state = .starting
        return .listed(list)
      } catch let error as KubernetesError {
        failures += 1
        return .interrupted(error)
      }
    }

    private mutating func read(_ line: [UInt8]) throws -> Event? {
      let name = KubernetesClient.name(.get, path)
      let event = try client.decode(WatchEvent<Object>.self, from: line, of: "\(name) (watch)")
      switch event {
      case .changed(let object, let version):
        progress(to: version)
        switch object {
        case .readable(let object): return .changed(object)
        case .unreadable(let object): return .unreadable(object)
        }
      case .deleted(let key, let version):
        progress(to: version)
        return .removed(key)
      case .bookmark(let version):
        progress(to: version)
        return nil
      case .failed(let reason): throw KubernetesError(request: "\(name) (watch)", reason: reason)
      }
    }

    private mutating func progress(to version: String) {
      failures = 0
      hasProgress = true
      if !version.isEmpty { self.version = version }
    }

    /// Decides how it continues after a failure of the watch: from the last version, or with a list.
    private mutating func lose(_ error: any Error) throws -> Event? {
      try Task.checkCancellation()
      failures = wasSteady ? 1 : failures + 1
      state = .starting
      switch error {
      case let refusal as Watch.Refusal:
        retryAfter = refusal.retryAfter
        return lose(refusal.error)
      case let error as KubernetesError: return lose(error)
      case is CancellationError: throw error
      default:
        state = .listing
        return nil
      }
    }

    private var wasSteady: Bool {
      client.clock.now.timeIntervalSince(startedAt) >= client.settings.steadyWatch.inSeconds
    }

    private mutating func lose(_ error: KubernetesError) -> Event? {
      switch error.reason {
      case .refused(let status, _, _):
        state = .listing
        return status == 410 ? nil : .interrupted(error)
      // An idle or cut connection is usual; the watch continues from the last event that was complete.
      case .unreachable: return failures > 1 ? .interrupted(error) : nil
      case .unexpectedAnswer:
        state = .listing
        return .interrupted(error)
      }
    }

    private var path: String { Object.resource.path(namespace: namespace) }

    private var query: String {
      // Spread, so that watches that began together do not end together.
      let seconds = Double(client.settings.watchDuration.components.seconds) * .random(in: 1...1.33)
      return QueryText.query([
        ("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version),
        ("timeoutSeconds", "\(Swift.max(1, Int(seconds)))"),
      ])
    }
  }
}

extension KubernetesClient {
  /// The objects of a type and their changes.
  ///
  /// - Parameter namespace: the namespace, or nil for all.
  package func feed<Object: KubernetesObject>(
    _ type: Object.Type, namespace: String? = nil
  ) -> ObjectFeed<Object> { ObjectFeed(client: self, namespace: namespace) }
}
