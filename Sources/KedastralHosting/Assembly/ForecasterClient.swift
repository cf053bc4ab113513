import FoundationEssentials
import KedastralCore
import KedastralSources

/// Asks a running forecaster over its HTTP API.
struct ForecasterClient: Sendable {
  let endpoint: HTTPEndpoint
  let client: HTTPClient

  /// An answer that is not what the API promises.
  struct UnexpectedAnswer: Error, CustomStringConvertible {
    let request: String
    let problem: String
    var description: String { "\(request) answered \(problem)" }
  }

  /// A workload that the forecaster does not have.
  struct UnknownWorkload: Error, CustomStringConvertible {
    let workload: WorkloadName
    let server: String
    var description: String { "\(server) has no forecast for workload '\(workload)'" }
  }

  /// The names of all workloads that have a plan.
  func workloads() async throws -> [WorkloadName] {
    struct List: Decodable { let workloads: [String] }
    let list = try await get("/workloads")
    guard list.status == 200 else { throw unexpected("/workloads", list) }
    do {
      return try JSONDecoder().decode(List.self, from: Data(list.body)).workloads.map { try WorkloadName($0) }
    } catch {
      throw unexpected("/workloads", list)
    }
  }

  /// A workload's plan; nil when there is none.
  ///
  /// - Throws: SnapshotError when what came is no plan, besides what a request throws.
  func snapshot(of workload: WorkloadName) async throws -> Snapshot? {
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
  /// - Throws: UnknownWorkload when there is none.
  func plan(of workload: WorkloadName) async throws -> Snapshot {
    guard let snapshot = try await snapshot(of: workload) else {
      throw UnknownWorkload(workload: workload, server: endpoint.displayName)
    }
    return snapshot
  }

  /// The plans of all workloads in the order of their names; one that goes away meanwhile is left out.
  func snapshots() async throws -> [Snapshot] {
    let names = try await workloads()
    var found: [Snapshot] = []
    // In groups: a request's deadline runs while it waits in line.
    for first in stride(from: 0, to: names.count, by: 256) {
      try await withThrowingTaskGroup(of: Snapshot?.self) { group in
        for name in names[first..<min(first + 256, names.count)] { group.addTask { try await snapshot(of: name) } }
        for try await case let snapshot? in group { found.append(snapshot) }
      }
    }
    return found.sorted { $0.workload < $1.workload }
  }

  /// The load measured lately, `points` samples at most; nil when none is known.
  func history(of workload: WorkloadName, points: Int) async throws -> TimeSeries? {
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
  func explanation(of workload: WorkloadName, leadTime: Duration?, inWords: Bool = false) async throws -> [UInt8] {
    var path = "/explain?workload=\(workload)&format=\(inWords ? "text" : "json")"
    if let leadTime { path += "&leadTime=\(DurationText.format(leadTime))" }
    return try await document(path)
  }

  /// The plan that the present forecast would lead to under other settings: the JSON that the forecaster answers.
  func whatIf(_ workload: WorkloadName, _ changes: [(name: String, value: String)]) async throws -> [UInt8] {
    let query = changes.map { "&\($0.name)=\($0.value)" }.joined()
    return try await document("/whatif?workload=\(workload)\(query)")
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
    struct Failure: Decodable { let error: String }
    let failure = try? JSONDecoder().decode(Failure.self, from: Data(answer.body))
    return UnexpectedAnswer(
      request: endpoint.displayName(at: String(path.prefix { $0 != "?" })), problem: answer.problem(failure?.error))
  }
}
