import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralGRPC
import KedastralNet

/// `kedastral query`: calls a scaler as KEDA does, and prints the responses.
enum QueryCommand: Command {
  static let name = "query"
  static let summary = "call a scaler as KEDA does and show the responses"

  static let syntax = CommandSyntax(
    about: """
      kedastral query calls an external scaler over gRPC as KEDA does, and prints the responses and the replicas that an
      autoscaler would request: value / target, rounded up. The cluster then applies the ScaledObject's limits, the
      autoscaler's tolerance of 10 % and its behaviour rules.
      """,
    usage: ["ADDRESS [WHAT] --workload NAME [options]"],
    wordsHelp: [
      ("ADDRESS", "host:port, :port (on this machine), or unix:PATH"),
      ("all", "GetMetricSpec, GetMetrics and IsActive (the default)"),
      ("isactive", "only IsActive: whether KEDA activates the workload"),
      ("getmetricspec", "only GetMetricSpec: the metric's name and its target"),
      ("getmetrics", "GetMetricSpec and GetMetrics: also the current value"),
      ("streamisactive", "IsActive as a stream: the current state, and with --watch each change"),
      ("streammetricspec", "GetMetricSpec as a stream, likewise"),
    ],
    words: Query.What.allCases.map(\.rawValue), maximumWords: 2,
    groups: [
      .init(
        title: "What KEDA would read from the ScaledObject",
        options: [
          .init("workload", "NAME", "the trigger's metadata workload: the workload whose plan is requested"),
          .init("lead-time", "DURATION", "its metadata leadTime (default: the scaler's own)"),
          .init(
            "mode", "MODE", choices: ScalingQuestion.Mode.allCases.map(\.rawValue),
            "its metadata mode (default replicas)"),
          .init("metadata", "KEY=VALUE…", "any other metadata, such as select=at-lead or activationThreshold=10"),
          .init("name", "NAME", "the ScaledObject's name (default: the workload's)"),
          .init("namespace", "NAME", "its namespace (default: default)"),
        ]),
      .init(
        title: "Calls",
        options: [
          .flag(
            "watch", short: "w", "repeat until Ctrl-C, one line per round; failures are shown and do not end it"),
          .init(
            "interval", "DURATION", "the time between two rounds of --watch (default 15s, as KEDA's autoscaler)"),
          .init("timeout", "DURATION", "how long one call may take (default 5s)"),
          .output(["text", "json"]), .json,
        ],
        note: "As json, each round is one object, for scripts."),
      .init(
        title: "TLS",
        options: [
          .flag("tls", "TLS, with the system's authorities"),
          .init("tls-ca-file", "FILE", "the authorities to trust instead"),
          .init("tls-cert-file", "FILE", "the client certificate, …"),
          .init("tls-key-file", "FILE", "… and its key, for a scaler that requires one"),
          .init(
            "tls-server-name", "NAME", "the name in the scaler's certificate, when it is not ADDRESS's host"),
        ],
        note: "Each of these options turns TLS on."),
    ],
    notes: [
      """
      If the forecast is shorter than the lead time, the value is the one at the end of the forecast, and the response
      contains the forecast's length (forecastSeconds in JSON; the scaler sends the trailer kedastral-forecast-seconds).
      """,
      """
      A failed call is reported with its gRPC status: UNAVAILABLE for a stale forecast or a scaler that cannot be reached,
      NOT_FOUND for an unknown workload.
      """,
    ],
    examples: """
      # the responses of the demonstration
      kedastral query localhost:50051 --workload api-app
      # watch the planned load and its pods, ten minutes ahead
      kedastral query localhost:50051 --workload api-app --mode load --lead-time 10m --watch
      # for a script
      kedastral query localhost:50051 getmetrics --workload api-app -o json
      """)

  static func run(_ options: CommandOptions) async throws {
    let query = try Query(options)
    for problem in query.object.unknownKeyProblems { Program.say("kedastral query: \(problem)") }
    let loop = try EventLoop()
    let client = try await GRPCClient(query.connection, on: loop)
    let scaler = ExternalScalerClient(client, deadline: query.timeout)
    if query.isWatching {
      try await watch(query, scaler)
    } else if query.what.isStream {
      _ = try await withDeadline(query.timeout, clock: SystemWallClock()) {
        try await follow(query, scaler) { answer in
          Program.show(query.wantsJSON ? answer.json(at: nil) : answer.text(for: query))
          return false
        }
      }
    } else {
      let answer = try await ask(query, scaler)
      Program.show(query.wantsJSON ? answer.json(at: nil) : answer.text(for: query))
    }
    await client.close()
  }

  /// One round of calls, in KEDA's order.
  private static func ask(_ query: Query, _ scaler: ExternalScalerClient) async throws(GRPCCallError) -> QueryAnswer {
    var answer = QueryAnswer()
    if query.what != .isActive {
      for spec in try await scaler.getMetricSpec(query.object) {
        var values: [MetricValue]?
        if query.what != .metricSpec { values = try await scaler.getMetrics(query.object, metric: spec.name) }
        answer.metrics.append(QueryAnswer.Metric(spec: spec, values: values))
      }
    }
    if query.what == .isActive || query.what == .all { answer.isActive = try await scaler.isActive(query.object) }
    return answer
  }

  private static func watch(_ query: Query, _ scaler: ExternalScalerClient) async throws {
    while true {
      // False when standard output is closed.
      func show(_ answer: QueryAnswer) -> Bool {
        Program.show(query.wantsJSON ? answer.json(at: Date()) : answer.line(at: Date()))
      }
      do throws(GRPCCallError) {
        let goesOn = query.what.isStream ? try await follow(query, scaler, show) : show(try await ask(query, scaler))
        guard goesOn else { return }
      } catch {
        let now = Date()
        let line = query.wantsJSON ? QueryAnswer.json(error, at: now) : "\(Timestamp.format(now)) \(error)"
        guard Program.show(line) else { return }
      }
      try await Task.sleep(for: query.interval)
    }
  }

  /// Follows a stream until it ends, or until `show` returns false; returns whether `show` still accepts lines.
  private static func follow(
    _ query: Query, _ scaler: ExternalScalerClient, _ show: (QueryAnswer) -> Bool
  ) async throws(GRPCCallError) -> Bool {
    if query.what == .activeStream {
      for try await isActive in scaler.streamIsActive(query.object) {
        guard show(QueryAnswer(isActive: isActive)) else { return false }
      }
    } else {
      for try await specs in scaler.streamMetricSpec(query.object) {
        let metrics = specs.map { QueryAnswer.Metric(spec: $0, values: nil) }
        guard show(QueryAnswer(metrics: metrics)) else { return false }
      }
    }
    return true
  }
}
