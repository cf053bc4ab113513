import FoundationEssentials
import KedastralCore
import KedastralHTTP
import KedastralNet
import KedastralSources
import Synchronization

/// Sends real HTTP requests to the application by a course of load, and counts what became of them.
struct LoadGenerator {
  /// How many requests may be without an answer; those beyond are counted as dropped, so that a target that hangs costs no
  /// memory.
  private static let mostInFlight = 256
  private static let patience = Duration.seconds(2)

  private let course: LoadCourse
  private let target: HTTPEndpoint
  private let address: ListenAddress
  private let clock = SystemWallClock()

  init(_ environment: Environment) throws {
    course = try LoadCourse(environment, now: clock.now)
    target = HTTPEndpoint(try environment.text("TARGET_URL"), deadline: Self.patience)
    address = try ListenAddress(try environment.text("LISTEN", default: ":8080"))
  }

  /// Sends until a signal.
  func run() async throws {
    let loop = try EventLoop()
    let stop = try await StopSignal(on: loop)
    let metrics = MetricsRegistry()
    let results = metrics.counter("load_requests_total", help: "Requests by result.", labels: ["result"])
    let wanted = metrics.gauge("load_wanted_rps", help: "Requests per second of the load pattern.").with()
    let server = try await OperationsHTTPServer(
      HTTPServerSettings(address: address), on: loop, metrics: metrics, readiness: Readiness())
    let client = try HTTPClient(on: loop, settings: HTTPClient.Settings(maximumRequestsPerHost: 64))
    Output.say("load on \(target.displayName), \(course.pattern), at \(course.speed) times real time")

    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await send(by: client, results: results, wanted: wanted) }
      group.addTask { try await report(results, wanted) }
      group.addTask { await stop.wait() }
      try await group.next()
      group.cancelAll()
    }
    await client.close()
    await server.shutdown(within: .seconds(1))
  }

  private func send(by client: HTTPClient, results: MetricFamily, wanted: Metric) async throws {
    let (good, failed, dropped) = (results.with("ok"), results.with("failed"), results.with("dropped"))
    let request = KedastralSources.HTTPRequest(target, path: "/", acceptsCompression: false)
    let inFlight = Counter()
    var pacer = RequestPacer(from: clock.now)
    try await withThrowingDiscardingTaskGroup { group in
      while true {
        try await clock.sleep(for: .milliseconds(10))
        let now = clock.now
        let rate = course.rate(at: now)
        wanted.set(rate)
        for _ in 0..<pacer.due(at: now, rate: rate) {
          guard inFlight.value.load(ordering: .relaxed) < Self.mostInFlight else {
            dropped.increment()
            continue
          }
          inFlight.value.add(1, ordering: .relaxed)
          group.addTask {
            let answer = try? await client.send(request)
            (answer?.isSuccess == true ? good : failed).increment()
            inFlight.value.subtract(1, ordering: .relaxed)
          }
        }
      }
    }
  }

  /// A line now and then for the one who watches the log.
  private func report(_ results: MetricFamily, _ wanted: Metric) async throws {
    while true {
      try await clock.sleep(for: .seconds(15))
      let counts = results.all.map { "\($0.labelValues[0]) \(Int($0.value))" }.joined(separator: ", ")
      Output.say(
        "\(Timestamp.format(course.time(at: clock.now))): \(Int(wanted.value.rounded())) requests/s wanted; \(counts)")
    }
  }

  private final class Counter: Sendable {
    let value = Atomic(0)
  }
}
