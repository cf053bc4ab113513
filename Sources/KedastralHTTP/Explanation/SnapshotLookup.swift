import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Provides the newest snapshots on the loop that answers requests.
protocol SnapshotLookup: AnyObject {
  /// The newest snapshot of a workload; any text may be given.
  func snapshot(of workload: String) -> Snapshot?
  /// The workload that is probably meant by a name without a snapshot.
  func nearest(to workload: String) -> String?
  /// Whether a workload is configured here, so that its first plan is expected.
  func isConfigured(_ workload: WorkloadName) -> Bool
  /// What a workload's latest rounds failed with.
  func problem(of workload: WorkloadName) -> WorkloadProblem?
  /// How a workload stands.
  func state(of workload: WorkloadName) -> WorkloadState
  /// The current instant.
  var now: Date { get }
}

extension SnapshotLookup {
  /// Finds the snapshot of the parameter `workload`, or returns the reason why there is none.
  func answer(_ request: HTTPRequest, _ body: (Snapshot) -> HTTPRouter.Answer) -> HTTPRouter.Answer {
    guard let name = request.query["workload"] else {
      return .now(.failure(400, "the parameter 'workload' is missing: \(request.path)?workload=<name>"))
    }
    do {
      let workload = try WorkloadName(name)
      guard let snapshot = snapshot(of: workload.text) else {
        return .now(.failure(404, "there is no forecast for workload '\(workload)'\(absence(of: workload))"))
      }
      return body(snapshot)
    } catch {
      return .now(.failure(400, error.description))
    }
  }

  /// The reason why there is no forecast, as a suffix of the message.
  private func absence(of workload: WorkloadName) -> String {
    if let problem = problem(of: workload) { return ": \(problem.sentence(at: now))" }
    if isConfigured(workload) { return " yet: its first plan is being computed" }
    return nearest(to: workload.text).map { "; did you mean \($0)?" } ?? ""
  }
}
