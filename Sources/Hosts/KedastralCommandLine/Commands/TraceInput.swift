import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralNet
import KedastralSources

/// The source of a command's loads: files, or a Prometheus query.
struct TraceInput {
  /// A load and its name in tables.
  struct Trace {
    let name: String
    let series: TimeSeries
  }

  /// The options.
  static let options: [CommandSyntax.Option] = [
    .init(
      "csv", "FILE…",
      "files with timestamp,value lines, also from Grafana and spreadsheets (docs/sources.md); - is standard input"),
    .init(
      "prometheus", "URL",
      "instead of files: a Prometheus server (or VictoriaMetrics, Thanos, Mimir) to query"),
    .init("query", "PROMQL", "the query for --prometheus; it must return one series"),
    .init("days", "N", "how many days up to now to query (default 14)"),
    PrometheusOptions.bearerTokenFile,
  ]

  private static let standardInput = "-"

  private let files: [String]
  private let server: HTTPEndpoint?
  private let query: String
  private let days: Double

  init(_ options: CommandOptions) throws(UsageError) {
    files = options.values("csv")
    guard files.count(where: { $0 == Self.standardInput }) <= 1 else {
      throw UsageError(description: "--csv - is given twice; standard input can be read only once")
    }
    days = try options.positiveNumber("days") ?? 14
    query = options.value("query") ?? ""
    guard let url = options.value("prometheus") else {
      for name in ["query", "days", "bearer-token-file"] where options.has(name) {
        throw UsageError(description: "\(options.typed(name)) needs --prometheus URL")
      }
      guard !files.isEmpty else { throw UsageError(description: "no load given; write --csv FILE or --prometheus URL") }
      server = nil
      return
    }
    guard files.isEmpty else { throw UsageError(description: "--csv and --prometheus cannot be combined") }
    server = try PrometheusOptions.endpoint(url, options)
    guard !query.isEmpty else { throw UsageError(description: "--prometheus needs --query PROMQL") }
    guard days <= 366 else { throw UsageError(description: "--days \(days.text(0)) is more than a year") }
  }

  /// The names of the loads.
  var names: [String] { server == nil ? files.map(Self.name) : [query] }

  /// Reads the load with the given index.
  ///
  /// - Parameter step: the step that the caller wants; a server is queried for samples at this distance, by default one
  ///   minute.
  func trace(_ index: Int, step: Duration?) async throws -> Trace {
    guard let server else { return Trace(name: names[index], series: try series(of: files[index], step: step)) }
    let step = step ?? .seconds(60)
    let end = Date().floored(to: step)
    let client = try HTTPClient(on: try EventLoop())
    let source = PrometheusSource(endpoint: server, query: query, client: client)
    let series = try await source.samples(in: (end - .seconds(days * 86_400))..<(end + step / 2), step: step)
    guard let first = series.values.firstIndex(where: \.isFinite), let last = series.lastPresentIndex else {
      throw UsageError(description: "the query returned no sample in the last \(days.text(0)) days: \(query)")
    }
    return Trace(
      name: query,
      series: TimeSeries(start: series.instant(at: first), step: step, values: Array(series.values[first...last])))
  }

  /// Reads a file, and reports what was assumed or corrected.
  private func series(of path: String, step: Duration?) throws -> TimeSeries {
    let isInput = path == Self.standardInput
    let name = isInput ? "standard input" : path
    let file =
      isInput
      ? try TraceFile(bytes: FileBytes.readStandardInput(), name: name, step: step)
      : try TraceFile(path: path, step: step)
    for remark in file.remarks { Program.say("\(name): \(remark)") }
    return file.series
  }

  /// The series of file number `index` if it is in the M4 competition's long format, else nil.
  func splitSeries(_ index: Int) throws -> [TraceText.SplitSeries]? {
    guard server == nil, files[index] != Self.standardInput,
      let text = try? String(contentsOf: URL(filePath: files[index]), encoding: .utf8),
      text.hasPrefix("id,split,step,value")
    else { return nil }
    do {
      return try TraceText.splitSeries(text)
    } catch {
      throw UsageError(description: "\(files[index]): \(error)")
    }
  }

  /// A file's name without folders and extension.
  private static func name(_ path: String) -> String {
    if path == standardInput { return "stdin" }
    let file = path.split(separator: "/").last.map(String.init) ?? path
    for suffix in [".long.csv", ".csv"] where file.hasSuffix(suffix) { return String(file.dropLast(suffix.count)) }
    return file
  }
}
