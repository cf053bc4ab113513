import FoundationEssentials
import Kedastral
import KedastralCore
import KedastralDaemon
import KedastralNet
import KedastralSources

/// `kedastral demo`: two simulated applications in one process, one hour per minute, without any setup.
///
/// `api-app` has a spike each hour; a small application counts its requests and is scraped over HTTP. `worker-app`
/// plays a real trace. Everything behind the sources is the production code.
enum Demo {
  /// How many seconds of load pass per second.
  static let speed = 60.0
  /// The moment of the trace at which the demonstration begins: a Monday morning, ten minutes before the hour.
  static let start = Date(timeIntervalSince1970: 806_572_200)  // 1995-07-24T07:50:00Z
  /// The trace counts the requests of a website in 1995; the demonstration multiplies them by one hundred.
  static let traceScale = 100.0

  static let name = "demo"
  static let summary = "run a demonstration that needs no setup"

  /// Its options are settings of the all-in-one host, whose reader parses them.
  static let syntax = CommandSyntax(
    about: """
      kedastral demo shows predictive scaling of two applications in one process; one minute stands for one hour. Ctrl-C ends it.
      """,
    usage: ["[options]"],
    groups: [
      .init(
        title: "Options",
        options: [
          .init("listen", "ADDRESS", "the page and the HTTP API (default :8081)"),
          .init("scaler-listen", "ADDRESS", "the gRPC external scaler (default :50051)"),
          .init("log-level", "LEVEL", choices: ["debug", "info", "warn", "error"], "the least level (default warn)"),
        ])
    ],
    examples: """
      kedastral demo
      kedastral demo --listen :9081 --scaler-listen :50052
      """)

  static func main(_ arguments: [String]) async -> Int32 {
    if CommandOptions.askForHelp(arguments) {
      return Program.shown(syntax.help(name: name))
    }
    // The demonstration uses a normal configuration; its flags precede the user's, which override them.
    return await Program.main(.allInOne, command: "kedastral demo") { loader throws(ConfigurationError) in
      let loader = ConfigurationLoader(
        knownModels: loader.knownModels, environment: [:], readFile: { _ in configurationFile })
      return try loader.allInOne(arguments: ["-config", "demo.yaml"] + arguments)
    } run: { configuration, _ in
      try await run(configuration)
    }
  }

  private static let configurationFile = """
    log: {level: warn}
    defaults:
      model: auto
      step: 1m
      interval: 30s
      horizon: 30m
      window: 8d
    workloads:
      - name: api-app
        metric: requests per second
        source: {type: scrape, url: http://127.0.0.1/metrics, metric: api_requests_total}
        policy: {targetPerPod: 50, headroom: 1.2, max: 20, reactiveFloor: true}
      - name: worker-app
        metric: requests per second
        source: {type: csv, path: bundled}
        policy: {targetPerPod: 40, headroom: 1.3, max: 15, reactiveFloor: true}
    scaler: {leadTime: 5m, staleAfter: 2m}
    """

  private static func run(_ configuration: AllInOneConfiguration) async throws {
    let clock = ScaledWallClock(startingAt: start, speed: speed)
    let logger = KedastralLogger(StreamLogHandler(configuration.forecaster.log, clock: SystemWallClock()))
    let loop = try EventLoop()
    let runner = try await ServiceRunner(on: loop, logger: logger)
    let app = try await LoadApp(app: "api-app", on: loop, clock: clock, load: apiLoad(at:))
    let scraped = try scrapedSource(of: app, client: try HTTPClient(on: loop), clock: clock, logger: logger)
    let host = try await AllInOneParts(
      configuration, on: loop, clock: clock, metrics: MetricsRegistry(), logger: logger,
      registered: RegisteredParts(sources: ["api-app": scraped, "worker-app": tracedSource(clock: clock)]))
    if let page = host.parts.forecaster.server, let scaler = host.parts.scaler {
      Program.show(welcome(page: page.address, scaler: await scaler.server.address))
    }
    try await runner.run(host.parts.services + [{ try await app.run() }, { try await scraped.run() }]) {
      await host.shutdown()
    }
    // Not before the scrapes have ended, which would fail.
    await app.shutdown()
  }

  private static func tracedSource(clock: any WallClock) -> CSVSource {
    let trace = TimeSeries(
      start: BundledTrace.nasa.start, step: BundledTrace.nasa.step,
      values: BundledTrace.nasa.values.map { $0 * traceScale })
    return CSVSource(trace, clock: clock, playback: .shifted(position: start, to: start))
  }

  /// A spike in each hour, with realistic noise that is the same in each run.
  @Sendable private static func apiLoad(at instant: Date) -> Double {
    let second = instant.timeIntervalSince1970.truncatingRemainder(dividingBy: 3600)
    let rise = max(0, min(1, min(second / 60, (900 - second) / 120)))
    var unrest = UInt64(instant.timeIntervalSince1970 / 60) &* 0x9E37_79B9_7F4A_7C15
    unrest ^= unrest >> 29
    return (120 + 480 * rise) * (0.95 + 0.1 * Double(unrest % 1000) / 1000)
  }

  /// The application's `/metrics`, scraped; the two days before the demonstration are filled in from the same curve.
  private static func scrapedSource(
    of app: LoadApp, client: HTTPClient, clock: any WallClock, logger: KedastralLogger
  ) throws -> ScrapeSource {
    let step = Duration.seconds(60)
    let past = TimeSeries.sampled(in: (start - .seconds(2 * 86_400))..<start, step: step, load: apiLoad(at:))
    return ScrapeSource(
      endpoint: HTTPEndpoint(app.url), selector: try ScrapeSelector("api_requests_total"), step: step, seed: past,
      client: client, clock: clock, logger: logger)
  }

  private static func welcome(page: ListenAddress, scaler: ListenAddress) -> String {
    let host = page.host.isEmpty ? "localhost" : page.host
    let scalerHost = scaler.host.isEmpty ? "localhost" : scaler.host
    return """

      Kedastral forecasts two applications; one minute stands for one hour:
        api-app     a spike at each full hour, 50 requests/s per pod
        worker-app  the day of a real web server, 40 requests/s per pod

      Page:   http://\(host):\(page.port)/        replicas rise before the load does
      API:    curl 'http://\(host):\(page.port)/forecast/current?workload=api-app'
      As KEDA does:
              .build/release/kedastral query \(scalerHost):\(scaler.port) -workload api-app

      Ctrl-C stops it.

      """
  }
}
