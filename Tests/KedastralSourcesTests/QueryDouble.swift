import Foundation
import KedastralNet
import Synchronization

/// A double of Prometheus that counts requests, fails and waits on demand, which a real one does not.
final class QueryDouble: Sendable {
  /// A range query.
  struct Query: Equatable, Sendable {
    var start = 0
    var end = 0
    var step = 1

    var points: Int { (end - start) / step + 1 }

    init(_ form: String) {
      for pair in form.split(separator: "&") {
        let parts = pair.split(separator: "=")
        guard parts.count == 2, let value = Int(parts[1]) else { continue }
        switch parts[0] {
        case "start": start = value
        case "end": end = value
        case "step": step = value
        default: break
        }
      }
    }

    /// The response with these series; a series has labels as JSON, and a value at each time, or none.
    func matrix(_ series: [(labels: String, value: (Int) -> Double?)], more: String = "") -> FaultServer.Answer {
      let result = series.map { labels, value in
        let points = stride(from: start, through: end, by: step).compactMap { time in
          value(time).map { "[\(time),\"\($0)\"]" }
        }
        return "{\"metric\":{\(labels)},\"values\":[\(points.joined(separator: ","))]}"
      }
      return .json(
        "{\"status\":\"success\",\(more)\"data\":{\"resultType\":\"matrix\",\"result\":[\(result.joined(separator: ","))]}}"
      )
    }
  }

  private let loop: EventLoop
  private let server: FaultServer

  init(_ respond: @escaping @Sendable (Query) -> FaultServer.Answer) async throws {
    loop = try EventLoop()
    server = try await FaultServer(on: loop) { respond(Query($0.body)) }
  }

  var url: String { server.url }
  var queries: [Query] { server.requests.map { Query($0.body) } }

  func stop() async throws {
    try await server.stop()
    await loop.stop()
  }
}

/// Holds up a server's response until it is opened.
final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let arrived = Mutex(false)

  /// Whether a request waits at the gate, or has.
  var isReached: Bool { arrived.withLock { $0 } }

  func pass() {
    arrived.withLock { $0 = true }
    semaphore.wait()
    semaphore.signal()
  }

  func open() { semaphore.signal() }
}
