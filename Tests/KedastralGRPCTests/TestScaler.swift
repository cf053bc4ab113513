import Foundation
import KedastralCore
import KedastralGRPC
import KedastralNet
import KedastralTesting
import Synchronization

/// A scaler server on a free port, whose clock stands still and whose log is kept.
final class TestScaler: Sendable {
  let server: ScalerServer
  let clock = ManualClock(at: TestScaler.start)
  let metrics = MetricsRegistry()
  let log = KeptLog()
  let port: UInt16

  static let start = Date(timeIntervalSince1970: 1_800_000_000)

  init(
    defaults: ScalerDefaults = ScalerDefaults(), limits: GRPCLimits = GRPCLimits(), loops: Int = 1,
    tls files: TLSContext.Files? = nil, minimumVersion: TLSContext.MinimumVersion? = nil, peers: [String] = [],
    identity: TLSIdentity? = nil, problem: @escaping @Sendable (String) -> String? = { _ in nil }
  ) async throws {
    let tls =
      try identity
      ?? files.map {
        try TLSIdentity(.server, files: $0, protocols: ["h2"], minimumVersion: minimumVersion, peers: peers)
      }
    server = ScalerServer(
      address: ListenAddress(host: "127.0.0.1", port: 0), tls: tls, loops: loops, defaults: defaults, limits: limits,
      clock: clock, metrics: metrics, logger: KedastralLogger(log), problem: problem)
    port = try await server.start().port
  }

  /// A running server with one workload, for the time of `body`.
  static func serving(
    _ snapshots: [Snapshot], defaults: ScalerDefaults = ScalerDefaults(), limits: GRPCLimits = GRPCLimits(),
    problem: @escaping @Sendable (String) -> String? = { _ in nil }, _ body: (TestScaler) async throws -> Void
  ) async throws {
    let scaler = try await TestScaler(defaults: defaults, limits: limits, problem: problem)
    await scaler.put(snapshots)
    do {
      try await body(scaler)
    } catch {
      await scaler.server.shutdown(within: .zero)
      throw error
    }
    await scaler.server.shutdown(within: .zero)
  }

  /// Has the server take over updates; every later call sees them.
  func apply(_ updates: [StoreUpdate]) async {
    let (stream, feed) = AsyncStream.makeStream(of: StoreUpdate.self)
    for update in updates { feed.yield(update) }
    feed.finish()
    await server.follow(stream)
  }

  func put(_ snapshots: [Snapshot]) async { await apply(snapshots.map { .put($0) }) }

  /// The value of a counter or gauge child.
  func metric(_ name: String, _ labels: String...) -> Double? {
    metrics.all.first { $0.name == name }?.all.first { $0.labelValues == labels }?.value
  }
}

extension Snapshot {
  /// A plan of one-minute steps; pods serve 100 each.
  static func plan(
    _ workload: String = "api", replicas: [Int] = [2, 3, 9, 4, 5, 6, 7, 8, 1, 1], load: [Double]? = nil,
    at instant: Date = TestScaler.start
  ) throws -> Snapshot {
    let load = load ?? replicas.map { Double($0) * 100 - 12.5 }
    return try Snapshot(
      workload: try WorkloadName(workload), metric: "rps", generatedAt: instant, step: .seconds(60),
      horizon: .seconds(60 * replicas.count), values: load.map { $0 / 1.2 }, desiredReplicas: replicas,
      plannedLoad: load, targetPerPod: 100)
  }
}

/// Keeps log lines.
final class KeptLog: KedastralLogHandler {
  private let kept = Mutex<[String]>([])

  var lines: [String] { kept.withLock { $0 } }

  func isEnabled(_ level: KedastralLogLevel) -> Bool { true }

  func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
    let line = "\(level.rawValue) \(message) " + fields.map { "\($0)=\($1)" }.joined(separator: " ")
    kept.withLock { $0.append(line) }
  }
}
