import KedastralCore
import KedastralGRPC
import KedastralNet
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The stream of one metrics service of KEDA, which all workloads with triggers there share.
///
/// It connects while there are followers. A connection that fails is made again after a growing, jittered wait, under the same
/// subscriber's name: KEDA holds the values of a subscriber for up to a minute, so a short interruption loses none that were not
/// on their way.
package final class RawMetricsFeed: Sendable {
  /// The server, and how to reach it.
  package struct Server: Sendable, Hashable {
    /// Where the metrics service listens, usually at port 9666 of KEDA's operator.
    package var address: RemoteAddress
    /// The client certificate, its key, and the authorities of the server's certificate; nil for plain text.
    package var tls: TLSContext.Files?
    /// The name that the server's certificate must have; nil for the address's host.
    package var serverName: String?
    /// The time limit of connecting and of each call.
    package var timeout: Duration

    /// Describes a server.
    package init(
      _ address: RemoteAddress, tls: TLSContext.Files?, serverName: String? = nil, timeout: Duration = .seconds(10)
    ) {
      self.address = address
      self.tls = tls
      self.serverName = serverName
      self.timeout = timeout
    }
  }

  /// Times and sizes.
  package struct Limits: Sendable {
    /// The waits between two connections.
    package var backoff = Backoff(initial: .seconds(1), maximum: .seconds(60))
    /// How often the subscriptions are looked through. Triggers without a value for two of these times are subscribed to again, which
    /// also tests the connection.
    package var renewal = Duration.seconds(60)
    /// How long a stream that has had values may be silent before it is opened again.
    package var silence = Duration.seconds(600)
    /// The largest message in bytes; KEDA sends one for each trigger, of about 100 bytes.
    package var messageBytes = 256 << 10
    /// The number of concurrent calls.
    package var calls = 32

    package init() {}
  }

  /// Why a connection ended although no call failed.
  private struct Ending: Error, CustomStringConvertible {
    let description: String
  }

  private struct State {
    var followers: [ScalingTrigger: [Int: TriggerValues]] = [:]
    var lastNumber = 0
    var task: Task<Void, Never>?
    var wake: AsyncStream<Void>.Continuation?
    var failure: String?
    /// When the current connection last brought a message; nil before the first.
    var heardAt: Date?
    /// Whether the current connection works.
    var isWorking = false
  }

  /// The server.
  package let server: Server
  private let limits: Limits
  private let loop: EventLoop
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let state = Mutex(State())

  package init(
    _ server: Server, limits: Limits = Limits(), on loop: EventLoop, clock: any WallClock, logger: KedastralLogger
  ) {
    self.server = server
    self.limits = limits
    self.loop = loop
    self.clock = clock
    self.logger = logger
  }

  /// Why there is no connection; nil while there is one, and before the first attempt has ended.
  package var failure: String? { state.withLock { $0.failure } }

  // MARK: Followers

  /// Subscribes to a trigger and adds what arrives to `values`, until the task is cancelled.
  func follow(_ trigger: ScalingTrigger, _ values: TriggerValues) async {
    let number = add(trigger, values)
    let (ending, continuation) = AsyncStream.makeStream(of: Void.self)
    await withTaskCancellationHandler {
      for await _ in ending {}
    } onCancel: {
      continuation.finish()
    }
    remove(trigger, number)
  }

  private func add(_ trigger: ScalingTrigger, _ values: TriggerValues) -> Int {
    state.withLock { state in
      state.lastNumber += 1
      state.followers[trigger, default: [:]][state.lastNumber] = values
      if state.task == nil { state.task = Task { await self.run() } }
      state.wake?.yield()
      return state.lastNumber
    }
  }

  private func remove(_ trigger: ScalingTrigger, _ number: Int) {
    state.withLock { state in
      state.followers[trigger]?[number] = nil
      if state.followers[trigger]?.isEmpty == true { state.followers[trigger] = nil }
      state.wake?.yield()
      guard state.followers.isEmpty else { return }
      state.task?.cancel()
      state.task = nil
    }
  }

  // MARK: Connections

  private func run() async {
    // KEDA sends each value to one stream of a subscriber, so no two processes may have the same name.
    let subscriber = "kedastral-\(UUID().uuidString.lowercased())"
    var failures = 0
    while !Task.isCancelled {
      do {
        try await connect(as: subscriber)
      } catch {
        guard !Task.isCancelled else { return }
        if endConnection() { failures = 0 }
        failures += 1
        note(error, isFirst: failures == 1)
      }
      do { try await clock.sleep(for: limits.backoff.delay(afterFailures: max(1, failures))) } catch { return }
    }
  }

  /// Whether the connection worked.
  private func endConnection() -> Bool {
    state.withLock { state in
      let worked = state.isWorking
      state.isWorking = false
      state.wake = nil
      return worked
    }
  }

  private func note(_ error: any Error, isFirst: Bool) {
    let problem = Self.text(of: error)
    state.withLock { $0.failure = problem }
    logger.log(
      isFirst ? .warn : .debug, "KEDA's raw metrics are interrupted",
      ["server": "\(server.address)", "error": problem])
  }

  /// Opens the stream and subscribes, until something fails.
  private func connect(as subscriber: String) async throws {
    var configuration = GRPCClient.Configuration(server.address, tls: server.tls, serverName: server.serverName)
    configuration.connectTimeout = server.timeout
    configuration.maximumMessageBytes = limits.messageBytes
    // The files are read for each connection, so renewed certificates are used from the next one on.
    let client = try await GRPCClient(configuration, on: loop)
    let metrics = RawMetricsClient(client, subscriber: subscriber, deadline: server.timeout)
    let (changes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      state.wake = wake
      state.heardAt = nil
    }
    wake.yield()
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await self.read(metrics) }
      group.addTask { try await self.subscribe(metrics, changes) }
      group.addTask { [clock, limits] in
        while true {
          try await clock.sleep(for: limits.renewal)
          wake.yield()
        }
      }
      try await group.next()
    }
  }

  private func read(_ metrics: RawMetricsClient) async throws {
    for try await values in metrics.values() { receive(values) }
    throw Ending(description: "GetRawMetricsStream: the server ended the stream")
  }

  private func receive(_ metrics: [RawMetric]) {
    let now = clock.now
    let followers = state.withLock { state in
      state.heardAt = now
      return state.followers
    }
    // A message has the values of one trigger.
    for (trigger, values) in Dictionary(grouping: metrics, by: \.trigger) {
      for follower in (followers[trigger] ?? [:]).values { follower.add(values, at: now) }
    }
  }

  private func subscribe(_ metrics: RawMetricsClient, _ changes: AsyncStream<Void>) async throws {
    var known: Set<ScalingTrigger> = []
    for await _ in changes {
      let now = clock.now
      let (followers, heardAt) = state.withLock { ($0.followers, $0.heardAt) }
      if let heardAt, now > heardAt + limits.silence {
        throw Ending(description: "GetRawMetricsStream: no value for \(DurationText.format(limits.silence))")
      }
      let wanted = Set(followers.keys)
      let due = wanted.filter { trigger in
        !known.contains(trigger)
          || followers[trigger]?.values.contains { isSilent($0, at: now) } ?? false
      }
      try await forEach(due) { trigger in
        try await self.subscribe(metrics, trigger, followers[trigger]?.values.map { $0 } ?? [])
      }
      try await forEach(known.subtracting(wanted)) { _ = try await metrics.unsubscribe(from: $0) }
      known = wanted
    }
    try Task.checkCancellation()
  }

  private func isSilent(_ values: TriggerValues, at now: Date) -> Bool {
    (values.arrivedAt ?? values.subscribedAt).map { now > $0 + limits.renewal * 2 } ?? true
  }

  private func subscribe(
    _ metrics: RawMetricsClient, _ trigger: ScalingTrigger, _ followers: [TriggerValues]
  ) async throws {
    do {
      _ = try await metrics.subscribe(to: trigger)
    } catch {
      guard Self.isAboutTheRequest(error) else { throw error }
      for follower in followers { follower.noteRefused(Self.text(of: error)) }
      return
    }
    let now = clock.now
    for follower in followers { follower.noteSubscribed(at: now) }
    noteWorking()
  }

  private func noteWorking() {
    let wasInterrupted = state.withLock { state in
      let wasInterrupted = state.failure != nil
      state.isWorking = true
      state.failure = nil
      return wasInterrupted
    }
    if wasInterrupted { logger.info("KEDA's raw metrics are back", ["server": "\(server.address)"]) }
  }

  /// Runs an operation for each trigger, some at a time.
  private func forEach(
    _ triggers: Set<ScalingTrigger>, _ body: @escaping @Sendable (ScalingTrigger) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (count, trigger) in triggers.enumerated() {
        if count >= limits.calls { try await group.next() }
        group.addTask { try await body(trigger) }
      }
      try await group.waitForAll()
    }
  }

  // MARK: Errors

  /// Whether a status concerns one subscription and not the connection or the server.
  private static func isAboutTheRequest(_ error: any Error) -> Bool {
    guard let call = error as? GRPCCallError else { return false }
    switch call.status.code {
    case .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .outOfRange: return true
    default: return false
    }
  }

  private static func text(of error: any Error) -> String {
    guard let call = error as? GRPCCallError else { return "\(error)" }
    let status = call.status.description.split(whereSeparator: \.isNewline).joined(separator: " ")
    let hint = call.status.code == .unimplemented ? "; KEDA streams raw metrics from version 2.19 on" : ""
    return "\(call.method): \(status)\(hint)"
  }
}

/// The feeds of a process; each exists as long as it has sources.
package final class RawMetricsFeeds: Sendable {
  private struct Entry: Sendable {
    weak var feed: RawMetricsFeed?
  }

  private let loop: EventLoop
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let entries = Mutex<[RawMetricsFeed.Server: Entry]>([:])

  /// Creates a set without feeds.
  package init(on loop: EventLoop, clock: any WallClock, logger: KedastralLogger) {
    self.loop = loop
    self.clock = clock
    self.logger = logger
  }

  /// The feed of a server.
  package func feed(of server: RawMetricsFeed.Server) -> RawMetricsFeed {
    entries.withLock { entries in
      if let known = entries[server]?.feed { return known }
      entries = entries.filter { $0.value.feed != nil }
      let new = RawMetricsFeed(server, on: loop, clock: clock, logger: logger)
      entries[server] = Entry(feed: new)
      return new
    }
  }
}
