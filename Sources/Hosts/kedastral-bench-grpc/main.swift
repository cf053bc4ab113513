import FoundationEssentials
import KedastralCore
import KedastralGRPC
import KedastralNet

// A scaler with made-up plans that never get stale, for load generators: kedastral-bench-grpc [port] [workloads] [loops] [certificate key]
let arguments = CommandLine.arguments
let port = arguments.count > 1 ? UInt16(arguments[1]) ?? 50051 : 50051
let count = arguments.count > 2 ? Int(arguments[2]) ?? 1 : 1
let loops = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1
let tls = arguments.count > 5 ? TLSContext.Files(certificate: arguments[4], key: arguments[5]) : nil

let server = ScalerServer(
  address: ListenAddress(host: "127.0.0.1", port: port), tls: tls, loops: loops,
  defaults: ScalerDefaults(staleAfter: .seconds(86_400)), metrics: MetricsRegistry())
let address = try await server.start()
let now = Date()
let (updates, feed) = AsyncStream.makeStream(of: StoreUpdate.self)
for index in 0..<count {
  let replicas = (0..<30).map { 2 + ($0 + index) % 7 }
  feed.yield(
    .put(
      Snapshot(
        workload: try WorkloadName("workload-\(index)"), metric: "rps", generatedAt: now, step: .seconds(60),
        horizon: .seconds(1800), values: replicas.map { Double($0) * 90 }, desiredReplicas: replicas,
        plannedLoad: replicas.map { Double($0) * 100 }, targetPerPod: 100)))
}
await server.setReady(true)
print("kedastral-bench-grpc listens on \(address) with \(count) workloads on \(loops) loops")
await server.follow(updates)
