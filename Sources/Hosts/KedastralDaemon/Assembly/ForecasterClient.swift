import FoundationEssentials
import KedastralCore
import KedastralSources

/// Asks a running forecaster over its HTTP API.
package struct ForecasterClient: Sendable {
  package let endpoint: HTTPEndpoint
  let client: HTTPClient

  package init(endpoint: HTTPEndpoint, client: HTTPClient) {
    self.endpoint = endpoint
    self.client = client
  }

  /// A response that does not follow the API.
  struct UnexpectedAnswer: Error, CustomStringConvertible {
    let request: String
    let problem: String
    var description: String { "\(request) answered \(problem)" }
  }

  /// A workload of which the forecaster has no plan.
  package struct UnknownWorkload: Error, CustomStringConvertible {
    package let workload: WorkloadName
    let server: String
    /// What the forecaster says of it, to be added.
    var reason: String

    package init(workload: WorkloadName, server: String, reason: String = "") {
      self.workload = workload
      self.server = server
      self.reason = reason
    }

    package var description: String { "\(server) has no forecast for workload '\(workload)'\(reason)" }
  }

  /// What a forecaster lists: the workloads with a plan, and what the rounds of all that it has fail with.
  package struct Listing: Sendable {
    /// The names of all workloads that have a plan.
    var planned: [WorkloadName]
    /// The names of all workloads that have none yet.
    var unplanned: [WorkloadName] = []
    /// What the latest rounds of those that fail failed with.
    var problems: [WorkloadName: WorkloadProblem] = [:]
    /// How far the forecaster's clock is ahead of this one; 0 where the forecaster does not say its time.
    var clockLead = Duration.zero
  }

  /// The workloads that the forecaster has.
  package func workloads() async throws -> Listing {
    struct State: Decodable {
      let workload: String
      let problem: String?
      let stage: String?
      let since: String?
      let failures: Int?
    }
    struct List: Decodable {
      let workloads: [String]
      /// Missing in the answers of other implementations.
      let states: [State]?
      let now: String?
    }
    let answer = try await get("/workloads")
    guard answer.status == 200 else { throw unexpected("/workloads", answer) }
    do {
      let list = try JSONDecoder().decode(List.self, from: Data(answer.body))
      var listing = Listing(planned: try list.workloads.map { try WorkloadName($0) })
      if let now = list.now.flatMap(Timestamp.parse) { listing.clockLead = .seconds(now.timeIntervalSinceNow) }
      let planned = Set(list.workloads)
      for state in list.states ?? [] {
        let name = try WorkloadName(state.workload)
        if !planned.contains(state.workload) { listing.unplanned.append(name) }
        if let problem = state.problem, let stage = state.stage.flatMap(ForecastStage.init(rawValue:)),
          let since = state.since.flatMap(Timestamp.parse)
        {
          listing.problems[name] = WorkloadProblem(
            stage: stage, text: problem, since: since, failures: state.failures ?? 1)
        }
      }
      return listing
    } catch {
      throw unexpected("/workloads", answer)
    }
  }

  /// A workload's plan; nil when there is none.
  /// - Throws: SnapshotError when the response is not a valid plan, and the errors of a request.
  package func snapshot(of workload: WorkloadName) async throws -> Snapshot? {
    let path = "/forecast/current?workload=\(workload)"
    let answer = try await get(path)
    switch answer.status {
    case 200: return try Snapshot(json: Data(answer.body))
    case 404: return nil
    default: throw unexpected(path, answer)
    }
  }

  /// A workload's plan.
  ///
  /// - Throws: UnknownWorkload with the forecaster's reason when there is none.
  package func plan(of workload: WorkloadName) async throws -> Snapshot {
    let path = "/forecast/current?workload=\(workload)"
    let answer = try await get(path)
    if answer.status == 404 {
      let said = failure(answer) ?? ""
      let begin = "there is no forecast for workload '\(workload)'"
      throw UnknownWorkload(
        workload: workload, server: endpoint.displayName,
        reason: said.hasPrefix(begin) ? String(said.dropFirst(begin.count)) : "")
    }
    guard answer.status == 200 else { throw unexpected(path, answer) }
    return try Snapshot(json: Data(answer.body))
  }

  /// A workload as the forecaster lists it.
  package struct Listed: Sendable {
    package let workload: WorkloadName
    /// Its newest plan; nil before there is one.
    package var snapshot: Snapshot?
    /// What its latest rounds failed with.
    package var problem: WorkloadProblem?
    /// How far the forecaster's clock is ahead of this one; ages count by the forecaster's.
    package var clockLead = Duration.zero
  }

  /// All workloads in the order of their names, with their plans; a plan that is removed meanwhile is left out.
  package func listed() async throws -> [Listed] {
    let listing = try await workloads()
    let plans = try await snapshots(of: listing.planned).map {
      Listed(workload: $0.workload, snapshot: $0, problem: listing.problems[$0.workload], clockLead: listing.clockLead)
    }
    let others = listing.unplanned.map {
      Listed(workload: $0, problem: listing.problems[$0], clockLead: listing.clockLead)
    }
    return (plans + others).sorted { $0.workload < $1.workload }
  }

  private func snapshots(of names: [WorkloadName]) async throws -> [Snapshot] {
    var found: [Snapshot] = []
    // In groups: a request's deadline runs while it waits in line.
    for first in stride(from: 0, to: names.count, by: 256) {
      try await withThrowingTaskGroup(of: Snapshot?.self) { group in
        for name in names[first..<min(first + 256, names.count)] { group.addTask { try await snapshot(of: name) } }
        for try await case let snapshot? in group { found.append(snapshot) }
      }
    }
    return found
  }

  /// The load measured lately, `points` samples at most; nil when none is known.
  package func history(of workload: WorkloadName, points: Int) async throws -> TimeSeries? {
    struct Document: Decodable {
      var start: String?
      var stepSeconds: Double?
      var values: [Double?]
    }
    let path = "/history?workload=\(workload)&points=\(points)"
    let answer = try await get(path)
    if answer.status == 404 { return nil }
    guard answer.status == 200, let document = try? JSONDecoder().decode(Document.self, from: Data(answer.body)) else {
      throw unexpected(path, answer)
    }
    guard let start = document.start.flatMap(Timestamp.parse), let step = document.stepSeconds, step > 0 else {
      return nil
    }
    return TimeSeries(start: start, step: .seconds(step), values: document.values.map { $0 ?? .nan })
  }

  /// Why a workload is to have as many replicas as it has: the JSON that the forecaster answers, or its words.
  package func explanation(of workload: WorkloadName, leadTime: Duration?, inWords: Bool = false) async throws
    -> [UInt8]
  {
    var path = "/explain?workload=\(workload)&format=\(inWords ? "text" : "json")"
    if let leadTime { path += "&leadTime=\(DurationText.format(leadTime))" }
    return try await document(path)
  }

  /// The plan that the present forecast would lead to under other settings: the JSON that the forecaster answers.
  package func whatIf(_ workload: WorkloadName, _ changes: [(name: String, value: String)]) async throws -> [UInt8] {
    let query = changes.map { "&\($0.name)=\($0.value)" }.joined()
    return try await document("/whatif?workload=\(workload)\(query)")
  }

  /// A ScaledObject with which KEDA asks for a workload's plan, as YAML.
  package func scaledObject(of workload: WorkloadName, leadTime: Duration?) async throws -> [UInt8] {
    let query = leadTime.map { "&leadTime=\(DurationText.format($0))" } ?? ""
    return try await document("/scaledobject?workload=\(workload)\(query)")
  }

  /// What the plans of all workloads of the forecaster were worth.
  package func scorecards() async throws -> ScorecardSummary {
    try ScorecardSummary(json: try await document("/scorecard"))
  }

  /// What the plans of a workload were worth.
  package func scorecard(of workload: WorkloadName) async throws -> ScorecardReport {
    try ScorecardReport(json: try await document("/scorecard?workload=\(workload)"))
  }

  private func document(_ path: String) async throws -> [UInt8] {
    let answer = try await get(path)
    guard answer.status == 200 else { throw unexpected(path, answer) }
    return answer.body
  }

  private func get(_ path: String) async throws -> HTTPResponse {
    try await client.send(HTTPRequest(endpoint, path: path))
  }

  private func unexpected(_ path: String, _ answer: HTTPResponse) -> UnexpectedAnswer {
    UnexpectedAnswer(
      request: endpoint.displayName(at: String(path.prefix { $0 != "?" })), problem: answer.problem(failure(answer)))
  }

  /// The error in a response.
  private func failure(_ answer: HTTPResponse) -> String? {
    struct Failure: Decodable { let error: String }
    return (try? JSONDecoder().decode(Failure.self, from: Data(answer.body)))?.error
  }
}
