import FoundationEssentials
import KedastralCore
import KedastralGRPC
import KedastralNet
import Synchronization

/// Measures how soon open streams are notified of a change: a server, and its clients on another thread, with one workload for
/// each stream, whose plans all change at once.
enum StreamLoad {
  private static let connections = 50
  private static let rounds = 10

  static func run(_ arguments: [String]) async throws {
    let count = arguments.first.flatMap { Int($0) } ?? 5000
    let server = ScalerServer(
      address: ListenAddress(host: "127.0.0.1", port: 0), defaults: ScalerDefaults(staleAfter: .seconds(86_400)),
      metrics: MetricsRegistry())
    let address = RemoteAddress.network(host: "127.0.0.1", port: try await server.start().port)
    let (updates, feed) = AsyncStream.makeStream(of: StoreUpdate.self)
    let loop = try EventLoop()
    var clients: [GRPCClient] = []
    for _ in 0..<connections { clients.append(try await GRPCClient(.init(address), on: loop)) }
    let told = Told()
    let names = try (0..<count).map { try WorkloadName("workload-\($0)") }

    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await server.follow(updates) }
      for name in names { feed.yield(.put(try plan(name, isActive: false))) }
      // The server has them when the last one is answered.
      let last = ExternalScalerClient(clients[0])
      while (try? await last.isActive(ScaledObjectReference(name: names[count - 1].text))) == nil { await Task.yield() }
      for (index, name) in names.enumerated() {
        let client = ExternalScalerClient(clients[index % connections])
        group.addTask {
          let object = ScaledObjectReference(name: name.text, metadata: ["activationThreshold": "50"])
          do { for try await _ in client.streamIsActive(object) { told.note() } } catch { told.fail(error) }
        }
      }
      await told.wait(for: count)
      var delays: [Duration] = []
      for round in 0..<rounds {
        let plans = try names.map { try plan($0, isActive: round % 2 == 0) }
        told.begin()
        for plan in plans { feed.yield(.put(plan)) }
        delays += await told.wait(for: count)
      }
      report(delays.sorted(), count)
      group.cancelAll()
    }
    for client in clients { await client.close() }
    await loop.stop()
    await server.shutdown(within: .zero)
    if let failure = told.failure { throw failure }
  }

  private static func report(_ delays: [Duration], _ count: Int) {
    func milliseconds(_ share: Double) -> Double {
      let delay = delays[min(delays.count - 1, Int(share * Double(delays.count)))]
      return (delay.inSeconds * 10_000).rounded() / 10
    }
    print(
      "\(count) streams on \(connections) connections, notified of \(count) new plans, \(rounds) times:",
      "median \(milliseconds(0.5)) ms, p99 \(milliseconds(0.99)) ms, last \(milliseconds(1)) ms after the first plan arrived"
    )
  }

  private static func plan(_ name: WorkloadName, isActive: Bool) throws -> Snapshot {
    let load = isActive ? 100.0 : 0
    return try Snapshot(
      workload: name, metric: "rps", generatedAt: Date(), step: .seconds(60),
      horizon: .seconds(1800), values: Array(repeating: load, count: 30),
      desiredReplicas: Array(repeating: isActive ? 1 : 0, count: 30),
      plannedLoad: Array(repeating: load, count: 30), targetPerPod: 100)
  }

  /// The times at which streams were notified, since the last start.
  private final class Told: Sendable {
    private struct State {
      var begin = ContinuousClock.now
      var delays: [Duration] = []
      var failure: (any Error)?
    }

    private let state = Mutex(State())

    var failure: (any Error)? { state.withLock { $0.failure } }

    func begin() {
      state.withLock { state in
        state.begin = .now
        state.delays = []
      }
    }

    func note() { state.withLock { $0.delays.append(.now - $0.begin) } }

    /// A stream has ended; those that are cancelled at the end come too late to count.
    func fail(_ error: any Error) { if !Task.isCancelled { state.withLock { $0.failure = error } } }

    /// Waits for that many messages.
    @discardableResult
    func wait(for count: Int) async -> [Duration] {
      while true {
        let (delays, hasFailed) = state.withLock { ($0.delays, $0.failure != nil) }
        if delays.count >= count || hasFailed { return delays }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
  }
}
