import KedastralCore
import KedastralNet
import KedastralSources
import KedastralTesting
import Testing

@testable import KedastralDaemon

@Suite("Parts that a program registers")
struct RegisteredPartsTests {
  private struct Ones: CapacityPolicy {
    let targetPerPod = 1.0
    func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
      CapacityPlan(steps: forecast.values.map { CapacityPlan.Step(load: $0, need: 1, replicas: 1) })
    }
  }

  private func load(_ arguments: [String], withSource: Set<String>) throws -> ForecasterConfiguration? {
    let loader = ConfigurationLoader(
      knownModels: ModelCatalog.names, workloadsWithSource: withSource, environment: [:])
    guard case .run(let configuration) = try loader.forecaster(arguments: arguments) else { return nil }
    return configuration
  }

  private let shop = ["-workload=shop", "-metric=rps", "-target-per-pod=50"]

  @Test("a workload whose source is registered needs none in its settings; any other does")
  func source() throws {
    #expect(try load(shop, withSource: ["shop"])?.workloads.first?.source == .registered)
    #expect(throws: ConfigurationError.self) { try load(shop, withSource: ["other"]) }
  }

  @Test("workloads of one query and label have sources that share it, and a new interval makes another source")
  func sharedQuery() throws {
    let factory = WorkloadFactory(
      sources: SourceFactory(client: try HTTPClient(on: try EventLoop()), clock: SystemWallClock(), logger: .silent))
    func settings(_ interval: String) throws -> [WorkloadConfiguration] {
      try forecaster(
        file: """
          defaults: {metric: rps, interval: \(interval), source: {query: sum by (app) (load), label: app}}
          workloads: [{name: shop}, {name: alone, source: {query: up}}]
          """
      ).workloads
    }
    let made = try settings("30s").map { try factory.make($0) }
    #expect(made[0].sources[0].source is SharedPrometheusSource && made[1].sources[0].source is PrometheusSource)
    let changed = try zip(settings("1m"), made).map { try factory.make($0, after: $1) }
    #expect(zip(changed, made).map { $0.served.sourcesRevision === $1.served.sourcesRevision } == [false, true])
  }

  @Test("a registered source and policy take the place of the configured ones")
  func parts() async throws {
    let settings = try #require(try load(shop, withSource: ["shop"])?.workloads.first)
    let sources = SourceFactory(client: try HTTPClient(on: try EventLoop()), clock: SystemWallClock(), logger: .silent)
    let source = ScriptedSource { _ in 7 }
    let registered = RegisteredParts(sources: ["shop": source], policies: ["shop": Ones()])
    let workload = try WorkloadFactory(sources: sources, registered: registered).make(settings).served.workload
    #expect(workload.policy is Ones && workload.source is ScriptedSource)
    #expect(throws: (any Error).self) { try WorkloadFactory(sources: sources).make(settings) }
  }
}
