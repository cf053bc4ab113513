import FoundationEssentials
import KedastralCore
import KedastralGRPC
import KedastralNet

/// A scaler with made-up plans that never grow stale, for load generators.
enum ScalerLoad {
  static func run(_ arguments: [String]) async throws {
    func number(_ index: Int, _ otherwise: Int) -> Int {
      arguments.indices.contains(index) ? Int(arguments[index]) ?? otherwise : otherwise
    }
    let tls =
      arguments.count > 4
      ? try TLSIdentity(
        .server, files: .init(certificate: arguments[3], key: arguments[4]), protocols: ["h2"]) : nil
    let server = ScalerServer(
      address: ListenAddress(host: "127.0.0.1", port: UInt16(clamping: number(0, 50_051))), tls: tls,
      loops: number(2, 1), defaults: ScalerDefaults(staleAfter: .seconds(86_400)), metrics: MetricsRegistry())
    let address = try await server.start()
    let (updates, feed) = AsyncStream.makeStream(of: StoreUpdate.self)
    let now = Date()
    for index in 0..<number(1, 1) { feed.yield(.put(try plan(index, at: now))) }
    await server.setReady(true)
    print("listening on \(address)")
    await server.follow(updates)
  }

  private static func plan(_ index: Int, at now: Date) throws -> Snapshot {
    let replicas = (0..<30).map { 2 + ($0 + index) % 7 }
    return try Snapshot(
      workload: try WorkloadName("workload-\(index)"), metric: "rps", generatedAt: now, step: .seconds(60),
      horizon: .seconds(1800), values: replicas.map { Double($0) * 90 }, desiredReplicas: replicas,
      plannedLoad: replicas.map { Double($0) * 100 }, targetPerPod: 100)
  }
}
