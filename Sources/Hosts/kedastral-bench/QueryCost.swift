import FoundationEssentials
import Glibc
import KedastralCore
import KedastralNet
import KedastralSources
import KedastralTesting

/// What it costs to read the loads of many workloads from a Prometheus: by a query for each, and by one query for all.
enum QueryCost {
  private static let step = Duration.seconds(60)
  private static let interval = Duration.seconds(30)
  private static let windowSteps = 11_520
  /// The samples that a loop reads again in a steady round.
  private static let roundSteps = 6

  static func run(_ arguments: [String]) async throws {
    guard arguments.count == 6, let count = Int(arguments[1]), let rounds = Int(arguments[3]),
      let end = Double(arguments[4]), let server = Int(arguments[5]), ["shared", "separate"].contains(arguments[2])
    else { throw Usage() }
    let client = try HTTPClient(on: try EventLoop())
    let clock = ManualClock(at: Date(timeIntervalSince1970: end) - interval * rounds)
    var endpoint = HTTPEndpoint(arguments[0])
    endpoint.deadline = .seconds(120)
    let shared = SharedQueries(client: client, clock: clock, logger: .silent)
    let isShared = arguments[2] == "shared"
    let sources = (0..<count).map { index -> any MetricSource in
      guard isShared else {
        return PrometheusSource(endpoint: endpoint, query: "sum(load{app=\"workload-\(index)\"})", client: client)
      }
      return shared.source(
        of: "workload-\(index)", label: "app", query: "sum by (app) (load)", at: endpoint,
        step: step, interval: interval)
    }
    try await measure("history", server, endpoint, client, rounds: 1) {
      try await read(sources, windowSteps, clock)
    }
    try await measure("round", server, endpoint, client, rounds: rounds) {
      for _ in 0..<rounds {
        clock.advance(by: interval)
        try await read(sources, roundSteps, clock)
      }
    }
  }

  private static func read(_ sources: [any MetricSource], _ steps: Int, _ clock: ManualClock) async throws {
    let last = clock.now.floored(to: step)
    let range = (last - step * (steps - 1))..<(last + step / 2)
    let present = try await withThrowingTaskGroup(of: Int.self) { group in
      for source in sources {
        group.addTask { try await source.read(in: range, step: step).series.values.count { $0.isFinite } }
      }
      return try await group.reduce(0, +)
    }
    guard present == sources.count * steps else { throw MissingSamples(got: present, expected: sources.count * steps) }
  }

  /// Prints name, requests, and milliseconds of this process's and the server's CPU and of time, for a round.
  private static func measure(
    _ name: String, _ server: Int, _ endpoint: HTTPEndpoint, _ client: HTTPClient, rounds: Int,
    _ work: () async throws -> Void
  ) async throws {
    let before = (try await requests(endpoint, client), clock(), serverTicks(server), ContinuousClock.now)
    try await work()
    let time = before.3.duration(to: .now)
    let own = Double(clock() - before.1) / Double(CLOCKS_PER_SEC) * 1000
    let theirs = Double(serverTicks(server) - before.2) * 1000 / Double(sysconf(Int32(_SC_CLK_TCK)))
    let sent = try await requests(endpoint, client) - before.0
    let values = [sent, own, theirs, time.inSeconds * 1000].map { "\(($0 / Double(rounds) * 100).rounded() / 100)" }
    print(([name] + values).joined(separator: " "))
  }

  /// How many range queries the server has answered.
  private static func requests(_ endpoint: HTTPEndpoint, _ client: HTTPClient) async throws -> Double {
    let page = try await client.send(HTTPRequest(endpoint, path: "/metrics"))
    let name = "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/query_range\"} "
    let line = String(decoding: page.body, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(name) }
    return line.flatMap { Double($0.dropFirst(name.count)) } ?? 0
  }

  /// The CPU time of a process in clock ticks.
  private static func serverTicks(_ process: Int) -> Int {
    let stat = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
  }

  private struct MissingSamples: Error, CustomStringConvertible {
    let got: Int
    let expected: Int
    var description: String { "expected \(expected) samples, got \(got)" }
  }

  private struct Usage: Error, CustomStringConvertible {
    let description = "usage: kedastral-bench query URL WORKLOADS shared|separate ROUNDS END PROMETHEUS_PID"
  }
}
