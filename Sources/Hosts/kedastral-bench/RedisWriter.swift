import FoundationEssentials
import KedastralCore
import KedastralModels
import KedastralNet
import KedastralRedisStore
import KedastralTesting

/// A forecaster process of many workloads, as the host wires it, but for the load: that is made up in the process.
enum RedisWriter {
  static func run(_ arguments: [String]) async throws {
    let numbers = arguments.compactMap { Int($0) }
    guard numbers.count == 3, let port = UInt16(exactly: numbers[0]) else { throw Usage() }
    let store = try await RedisStore(
      .init(server: .network(host: "127.0.0.1", port: port)), on: try EventLoop(), logger: .silent)
    let pattern = LoadPattern.doublePeak(base: 100, peak: 700)
    let workloads = try (numbers[1]..<numbers[1] + numbers[2]).map { index in
      let source = ScriptedSource { instant in
        var generator = SeededGenerator(seed: UInt64(Int(instant.timeIntervalSince1970 / 60) &* 31 &+ index))
        return pattern.load(at: instant) * Double.random(in: 0.9...1.1, using: &generator)
      }
      return Workload(
        name: try WorkloadName("workload-\(index)"), metric: "rps", source: source, model: AutoModel(),
        policy: try StandardCapacityPolicy(targetPerPod: 50), window: .seconds(2 * 3600))
    }
    await Forecaster(store: store).run(workloads)
  }

  private struct Usage: Error, CustomStringConvertible {
    let description = "usage: kedastral-bench writer REDIS_PORT FIRST COUNT"
  }
}
