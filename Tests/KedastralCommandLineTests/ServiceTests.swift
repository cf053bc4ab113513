import Foundation
import Kedastral
import KedastralGRPC
import KedastralNet
import KedastralTesting
import Synchronization
import TestSupport
import Testing

@Suite("KedastralService")
struct ServiceTests {
  private struct Spikes: MetricSource {
    func samples(in range: Range<Date>, step: Duration) -> TimeSeries {
      .sampled(in: range, step: step) { LoadPattern.hourlySpike(base: 100, peak: 600).load(at: $0) }
    }
  }

  private final class Lines: KedastralLogHandler {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func isEnabled(_ level: KedastralLogLevel) -> Bool { true }
    func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
      lines.withLock { $0.append(message) }
    }
  }

  private func workload(_ name: String = "shop", horizon: Duration = .seconds(1800)) throws -> Workload {
    try Workload(
      name, metric: "customers", source: Spikes(), model: .baseline, policy: .standard(targetPerPod: 50),
      horizon: horizon, window: .seconds(6 * 3600))
  }

  private func service(_ workloads: [Workload], log: Lines = Lines()) -> KedastralService {
    KedastralService(
      workloads: workloads, scaler: .init(host: "127.0.0.1", port: 0), http: .init(host: "127.0.0.1", port: 0),
      stopsOnSignals: false, logHandler: log)
  }

  @Test("forecasts, serves KEDA and a page, stops when its task is cancelled, and can run again")
  func serves() async throws {
    let log = Lines()
    for _ in 0..<2 {
      let (started, start) = AsyncStream.makeStream(of: KedastralService.Addresses.self)
      var service = service([try workload()], log: log)
      service.onStart = { start.yield($0) }
      let running = Task { [service] in try await service.run() }
      var addresses = started.makeAsyncIterator()
      let address = try #require(await addresses.next())
      let loop = try EventLoop()
      let client = try await GRPCClient(
        .init(.network(host: "127.0.0.1", port: try #require(address.scalerPort))), on: loop)
      let scaler = ExternalScalerClient(client)
      let reference = ScaledObjectReference(name: "shop", metadata: ["workload": "shop"])
      try await eventually("a plan is served") { (try? await scaler.isActive(reference)) == true }
      let http = try HTTPClient(on: loop)
      let readiness = HTTPRequest(HTTPEndpoint("http://127.0.0.1:\(try #require(address.httpPort))/readyz"))
      try await eventually("the service is ready") { try await http.send(readiness).status == 200 }
      running.cancel()
      try await running.value
    }
    #expect(log.all.filter { $0 == "shut down" }.count == 2)
  }

  @Test("reports invalid settings before it listens")
  func refuses() async throws {
    let twice = service([try workload(), try workload()])
    await #expect(throws: KedastralService.StartError.self) { try await twice.run() }
    var noRedis = service([try workload()])
    noRedis.store = .redis(url: "http://localhost")
    await #expect(throws: KedastralService.StartError.self) { try await service([]).run() }
    let error = await #expect(throws: (any Error).self) { try await noRedis.run() }
    #expect("\(String(describing: error))".contains("redis"), "\(String(describing: error))")
    #expect(throws: InvalidWorkloadName.self) { try workload("not a name") }
  }

  @Test("main reports what prevents a start as one line, and returns 1")
  func main() async throws {
    let log = Lines()
    #expect(await KedastralService.main { service([], log: log) } == 1)
    #expect(log.all == ["the service ended"])
    #expect(await KedastralService.main { service([try workload("not a name")], log: log) } == 1)
    let running = Task { await KedastralService.main { service([try workload()], log: log) } }
    try await eventually("it forecasts") { log.all.contains("stored forecast") }
    running.cancel()
    #expect(await running.value == 0)
  }

  @Test("warns of a forecast that ends before the lead time")
  func shortHorizon() async throws {
    let log = Lines()
    let service = service([try workload(horizon: .seconds(120))], log: log)
    let running = Task { try await service.run() }
    try await eventually("the warning is logged") { log.all.contains { $0.hasPrefix("the forecast ends before") } }
    running.cancel()
    try await running.value
  }

  @Test("a port in use ends the run with an error that names the address")
  func portInUse() async throws {
    let (started, start) = AsyncStream.makeStream(of: KedastralService.Addresses.self)
    var first = service([try workload()])
    first.onStart = { start.yield($0) }
    let running = Task { [first] in try await first.run() }
    var addresses = started.makeAsyncIterator()
    let port = try #require(await addresses.next()?.httpPort)
    var second = service([try workload()])
    second.http = .init(host: "127.0.0.1", port: port)
    let error = await #expect(throws: (any Error).self) { try await second.run() }
    #expect("\(String(describing: error))".contains("127.0.0.1:\(port)"), "\(String(describing: error))")
    running.cancel()
    try await running.value
  }

  @Test("a daemon with a model of its own forecasts by it, and lists it in its help")
  func ownModel() async throws {
    let trace = try PlayedTrace { $0 % 60 < 30 ? 300 : 100 }
    try trace.configure("  - {name: shop, model: last-hour}")
    let help = try await Daemon.run("OwnModelDaemon", ["--help"])
    #expect(help.exitCode == 0 && help.output.contains("last-hour"), "\(help.output)")
    let http = freePort()
    let daemon = try Daemon(
      "OwnModelDaemon",
      ["-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(freePort())", "-config", trace.file])
    let client = try HTTPClient(on: try EventLoop())
    try await eventually("a plan of that model") {
      let answer = try? await client.send(
        HTTPRequest(HTTPEndpoint("http://127.0.0.1:\(http)/forecast/current?workload=shop")))
      return String(decoding: answer?.body ?? [], as: UTF8.self).contains(#""model":"last-hour""#)
    }
    daemon.process.kill()
  }
}
