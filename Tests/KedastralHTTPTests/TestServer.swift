import Foundation
import KedastralCore
import KedastralNet
import KedastralTesting
import Synchronization
import TestSupport

@testable import KedastralHTTP

/// A forecast server on a free port whose snapshots a test scripts.
final class TestServer: LoadHistory, ConfigurationTexts, PlanRecords {
  static let noon = Date(timeIntervalSince1970: 1_769_860_800)

  let clock = ManualClock(at: noon)
  let metrics = MetricsRegistry()
  let readiness: Readiness
  let health = WorkloadHealth()
  let scorecards = Scorecards(ScorecardSettings(price: 0.04))
  let loop: EventLoop
  let tls: Bool
  private let histories = Mutex<[String: TimeSeries]>([:])
  let realPods = Mutex<[String: RealPods]>([:])
  private let records = Mutex<[String: PlanRecord]>([:])
  private let server = Mutex<ForecastHTTPServer?>(nil)

  /// Starts it.
  /// - Parameter keepsRecords: whether it can explain plans and plan again; see ``forecast(_:)``.
  init(
    tls files: TLSContext.Files? = nil, token: String? = nil, problems: [String: String] = [:],
    keepsRecords: Bool = false, port: UInt16 = 0, series: ForecastSeries? = nil,
    labels: [String: [String: String]] = [:], receivers: [HTTPReceiver] = [],
    change: (inout HTTPServerSettings) -> Void = { _ in }
  ) async throws {
    loop = try EventLoop()
    readiness = Readiness(problems: problems) { [health] in [health.summary].compactMap(\.self) }
    tls = files != nil
    var settings = HTTPServerSettings(
      address: ListenAddress(host: "127.0.0.1", port: port),
      tls: try files.map { try TLSIdentity(.server, files: $0, clients: .requested) },
      token: token.flatMap { BearerToken($0) })
    change(&settings)
    let named = try Dictionary(uniqueKeysWithValues: labels.map { (try WorkloadName($0.key), $0.value) })
    let server = try await ForecastHTTPServer(
      settings, on: loop, clock: clock, leadTime: .seconds(300), interval: { _ in .seconds(30) },
      series: { _ in series }, labels: { WorkloadLabels(named) }, health: health, metrics: metrics,
      readiness: readiness, history: self, texts: self,
      records: keepsRecords ? self : nil, scorecards: scorecards, receivers: receivers)
    self.server.withLock { $0 = server }
  }

  var running: ForecastHTTPServer? { server.withLock { $0 } }
  var address: ListenAddress { running?.address ?? ListenAddress(host: "", port: 0) }
  var url: String { (tls ? "https" : "http") + "://127.0.0.1:\(address.port)" }

  func history(of workload: WorkloadName) async -> TimeSeries? { histories.withLock { $0[workload.text] } }
  func realPods(of workload: WorkloadName) async -> (pods: RealPods, problem: String?)? {
    realPods.withLock { $0[workload.text] }.map { ($0, "timed out") }
  }

  func record(of plan: Snapshot) async -> PlanRecord? { records.withLock { $0[plan.workload.text] } }

  func configurationFile(of workload: WorkloadName, _ tuning: PlanTuning) -> String? {
    let margin =
      switch tuning.policy.margin {
      case .quantile(let level): ", quantileLevel: \(level)"
      case .shortageCost(let podMinutes): ", shortageCost: \(podMinutes)"
      case .objective(let share): ", objective: \(share)"
      case .headroom, nil: ""
      }
    return "workloads: [{name: \(workload), policy: {targetPerPod: \(tuning.policy.targetPerPod ?? 50)\(margin)}}]\n"
  }

  func scaledObject(of workload: WorkloadName, _ tuning: PlanTuning) -> String? {
    guard workload.text != "elsewhere" else { return nil }
    let keys = [
      tuning.leadTime.map { "leadTime: \(DurationText.format($0))" }, tuning.mode.map { "mode: \($0.rawValue)" },
      tuning.selection.map { "select: \($0.rawValue)" },
    ].compactMap(\.self)
    guard !keys.isEmpty else { return "kind: ScaledObject\n" }
    let trigger = "metadata: {\((["workload: \(workload)"] + keys).joined(separator: ", "))}"
    return "kind: ScaledObject\nspec: {triggers: [{\(trigger)}]}\n"
  }

  /// Has a real loop forecast a workload once, and serves its plan, its history, and how the plan came about.
  func forecast(_ workload: Workload) async throws {
    let loop = ForecastLoop(
      workload, store: RecordingStore(), clock: clock, metrics: metrics, scorecards: scorecards)
    let snapshot = try await loop.tick()
    let history = await loop.history
    let record = await loop.record
    histories.withLock { $0[workload.name.text] = history }
    records.withLock { $0[workload.name.text] = record }
    try await apply(.put(snapshot))
  }

  /// Reports a failed round of a configured workload.
  func fail(_ workload: String, _ problem: String, times: Int = 1) throws {
    let name = try WorkloadName(workload)
    for _ in 0..<times {
      health.roundEnded(
        ForecastRound(
          workload: name, endedAt: clock.now, snapshot: nil,
          failure: ForecastFailure(workload: name, stage: .collect, problem: problem)))
    }
  }

  /// Sets what was measured.
  func measure(_ workload: String, _ values: [Double]) {
    let start = clock.now.addingTimeInterval(-60 * Double(values.count - 1))
    histories.withLock { $0[workload] = TimeSeries(start: start, step: .seconds(60), values: values) }
  }

  /// Feeds updates and returns when they are served.
  func apply(_ updates: StoreUpdate...) async throws {
    for update in updates { running?.apply(update) }
    try await loop.run {}
  }

  func shutdown() async {
    await running?.shutdown()
    server.withLock { $0 = nil }
    await loop.stop()
  }

  /// A snapshot of 60 one-minute steps whose load rises to `peak` half an hour from `instant`.
  static func snapshot(
    _ workload: String, at instant: Date = noon, base: Double = 100, peak: Double = 400, model: String = "baseline"
  ) throws -> Snapshot {
    let values = (1...60).map { step in base + (peak - base) * exp(-pow(Double(step - 30) / 8, 2)) }
    return try Snapshot(
      workload: try WorkloadName(workload), metric: "http_rps", generatedAt: instant, step: .seconds(60),
      horizon: .seconds(3600), values: values, desiredReplicas: values.map { Int(($0 * 1.2 / 50).rounded(.up)) },
      quantiles: Quantiles([
        .init(level: 0.5, values: values), .init(level: 0.9, values: values.map { $0 * 1.15 }),
        .init(level: 0.1, values: values.map { $0 * 0.87 }),
      ]), plannedLoad: values.map { $0 * 1.2 }, model: model, currentValue: base, targetPerPod: 50,
      accuracy: .init(mase: 0.42, coverage: ["0.9": 0.91]))
  }
}

/// What curl got.
struct CurlAnswer {
  var exitCode: Int32
  var status: Int
  var headers: [String: String]
  var body: String

  /// The body as a JSON object.
  var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:] }
}

/// Asks with the real curl. Header names come back in lower case.
func curl(_ url: String, _ arguments: String...) async throws -> CurlAnswer {
  let process = try ChildProcess("curl", arguments: ["-s", "-i", "--max-time", "20"] + arguments + [url])
  let exitCode = try await process.waitForExit()
  var text = process.output.replacing("\r\n", with: "\n")
  if text.hasPrefix("HTTP/1.1 100") { text = String(text.split(separator: "\n\n", maxSplits: 1).last ?? "") }
  let halves = text.split(separator: "\n\n", maxSplits: 1, omittingEmptySubsequences: false)
  let lines = halves[0].split(separator: "\n")
  var headers: [String: String] = [:]
  for line in lines.dropFirst() {
    let parts = line.split(separator: ":", maxSplits: 1)
    headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
  }
  let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
  return CurlAnswer(
    exitCode: exitCode, status: status, headers: headers, body: halves.count > 1 ? String(halves[1]) : "")
}
