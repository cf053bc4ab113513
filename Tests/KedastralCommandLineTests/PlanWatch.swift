import Foundation
import KedastralCore
import KedastralNet
import KedastralSources
import Synchronization

/// Notes every plan of a workload that a forecaster serves. It asks from within this process: starting one for each look
/// takes so long on a busy machine that two plans may fall between two looks.
final class PlanWatch: Sendable {
  private let noted = Mutex<[Snapshot]>([])

  /// Watches until the task is cancelled.
  func run(_ workload: String, _ port: UInt16) async throws {
    let loop = try EventLoop()
    let client = try HTTPClient(on: loop)
    let request = HTTPRequest(HTTPEndpoint("http://127.0.0.1:\(port)"), path: "/forecast/current?workload=\(workload)")
    while !Task.isCancelled {
      if let answer = try? await client.send(request), answer.status == 200,
        let snapshot = try? Snapshot(json: Data(answer.body))
      {
        noted.withLock { if $0.last?.generatedAt != snapshot.generatedAt { $0.append(snapshot) } }
      }
      try? await Task.sleep(for: .milliseconds(100))
    }
    await client.close()
    await loop.stop()
  }

  /// The plans that were in force at some time since `instant`, the oldest first.
  func plans(since instant: Date) -> [Snapshot] {
    noted.withLock { plans in
      let first = plans.lastIndex { $0.generatedAt <= instant } ?? 0
      return Array(plans.dropFirst(first))
    }
  }
}
