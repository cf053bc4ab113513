import FoundationEssentials
import Glibc
import Kedastral
import KedastralCore
import KedastralHTTP
import KedastralMemoryStore
import KedastralModels
import KedastralNet
import KedastralRedisStore
import KedastralSources
import KedastralTesting
import Synchronization

/// How a forecaster starts that has no stored histories, in real time: workloads with eight days of minutes, a round every 30 s.
///
/// The source is a double in this process that has 200 different loads, so the time of a real source's responses is not part of it.
enum ColdStart {
  private static let interval = Duration.seconds(30)

  static func run(_ arguments: [String]) async throws {
    let count = arguments.first.flatMap { Int($0) } ?? 1000
    let port = arguments.dropFirst().first.flatMap { UInt16($0) }
    let limit = Duration.seconds(arguments.dropFirst(2).first.flatMap { Int($0) } ?? 1800)
    let store: KedastralService.Store
    if let port {
      store = .own(
        try await RedisStore(
          .init(server: .network(host: "127.0.0.1", port: port)), on: try EventLoop(), logger: .silent))
    } else {
      store = .memory
    }
    let loads = RecordedLoads(count: 200)
    let workloads = try (0..<count).map { index in
      ServedWorkload(
        Workload(
          name: try WorkloadName("workload-\(index)"), metric: "rps", source: loads.source(index),
          model: AutoModel(), policy: try StandardCapacityPolicy(targetPerPod: 50), horizon: .seconds(3600),
          interval: interval, window: .seconds(8 * 86_400)))
    }
    let rounds = RoundRecord()
    let begin = ContinuousClock.now
    let (cpu, memory) = (clock(), residentBytes())
    let opened = try await OpenedStore(store, clock: SystemWallClock(), logger: .silent)
    let parts = try await ForecasterParts(
      workloads, store: opened,
      ForecasterParts.Settings(
        http: HTTPServerSettings(address: try ListenAddress("127.0.0.1:0")), leadTime: .seconds(300),
        staleAfter: .seconds(120), observer: rounds),
      on: try EventLoop(), clock: SystemWallClock(), metrics: MetricsRegistry(), logger: .silent)
    let services = parts.services.map { service in Task { try? await service() } }
    guard let address = parts.server?.address else { return }
    let client = try HTTPClient(on: try EventLoop())
    var slowest: [String: Duration] = [:]
    var lastReport = ContinuousClock.now
    while rounds.fittedCount < count, ContinuousClock.now - begin < limit {
      for path in ["/metrics", "/healthz"] {
        let asked = ContinuousClock.now
        _ = try await client.send(HTTPRequest(HTTPEndpoint("http://\(address)"), path: path))
        slowest[path] = max(slowest[path] ?? .zero, ContinuousClock.now - asked)
      }
      if ContinuousClock.now - lastReport > .seconds(60) {
        lastReport = .now
        print("after \(seconds(since: begin)) s: \(rounds.plannedCount) planned, \(rounds.fittedCount) fitted")
      }
      try await Task.sleep(for: .seconds(1))
    }
    let took = (ContinuousClock.now - begin).inSeconds
    let used = Double(clock() - cpu) / Double(CLOCKS_PER_SEC)
    print("first plan for all \(count): \(rounds.firstPlans.map { "\(Int(($0 - begin).inSeconds)) s" } ?? "missing")")
    print(
      "\(rounds.fittedCount) fitted after \(Int(took)) s, \(rounded(used / took)) cores,",
      "\(rounded(used / Double(count) * 1000)) ms CPU each")
    print("longest time between two plans of a workload: \(rounded(rounds.longestGap.inSeconds)) s")
    for (path, time) in slowest.sorted(by: { $0.key < $1.key }) {
      print("slowest \(path): \(rounded(time.inSeconds * 1000)) ms")
    }
    print("memory: \((residentBytes() - memory) / count / 1024) KiB per workload")
    for service in services { service.cancel() }
  }

  private static func seconds(since begin: ContinuousClock.Instant) -> Int {
    Int((ContinuousClock.now - begin).inSeconds)
  }

  private static func residentBytes() -> Int {
    let statm = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let fields = statm.split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

/// Counts plans, and measures how far apart those of a workload are.
private final class RoundRecord: ForecastObserver {
  private struct State {
    var lastPlans: [WorkloadName: ContinuousClock.Instant] = [:]
    var fitted: Set<WorkloadName> = []
    var longestGap = Duration.zero
    var lastFirstPlan: ContinuousClock.Instant?
  }

  private let state = Mutex(State())

  var plannedCount: Int { state.withLock { $0.lastPlans.count } }
  var fittedCount: Int { state.withLock { $0.fitted.count } }
  var longestGap: Duration { state.withLock { $0.longestGap } }
  /// When the last workload got its first plan.
  var firstPlans: ContinuousClock.Instant? { state.withLock { $0.lastFirstPlan } }

  func roundEnded(_ round: ForecastRound) {
    guard let plan = round.snapshot else { return }
    let now = ContinuousClock.now
    state.withLock { state in
      if let last = state.lastPlans[round.workload] {
        state.longestGap = max(state.longestGap, now - last)
      } else {
        state.lastFirstPlan = now
      }
      state.lastPlans[round.workload] = now
      if !plan.isLearning { state.fitted.insert(round.workload) }
    }
  }
}

/// A double of a source: loads of nine days that were computed before.
private final class RecordedLoads: Sendable {
  private static let minutes = 9 * 1440
  private let loads: [[Double]]

  init(count: Int) {
    let pattern = LoadPattern.doublePeak(base: 100, peak: 700)
    loads = (0..<count).map { index in
      var generator = SeededGenerator(seed: UInt64(index))
      return (0..<Self.minutes).map { minute in
        let instant = Date(timeIntervalSince1970: Double(minute * 60))
        return pattern.load(at: instant) * Double.random(in: 0.9...1.1, using: &generator)
      }
    }
  }

  struct Source: IdentifiedSource {
    fileprivate let loads: RecordedLoads
    fileprivate let index: Int
    var loadIdentity: String { "\(index)" }

    func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
      let load = loads.loads[index % loads.loads.count]
      return TimeSeries.sampled(in: range, step: step) { load[Int($0.timeIntervalSince1970 / 60) % load.count] }
    }
  }

  func source(_ index: Int) -> Source { Source(loads: self, index: index) }
}
