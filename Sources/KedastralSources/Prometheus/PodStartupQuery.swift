import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The start-up of a workload's pods from Prometheus: a query that returns the seconds of each pod.
///
/// The default query is of kube-state-metrics: `kube_pod_status_ready_time` less `kube_pod_created`, of the pods that were created
/// in the last day. A pod's readiness can end and begin again, so its earliest one counts.
package struct PodStartupQuery: StartupSource {
  private let request: PrometheusQuery

  /// Creates a source.
  ///
  /// - Parameters:
  ///   - endpoint: the server.
  ///   - query: a query that returns the seconds from creation to readiness, one series per pod.
  package init(endpoint: HTTPEndpoint, query: String, client: HTTPClient, logger: KedastralLogger = .silent) {
    request = PrometheusQuery(
      endpoint: endpoint, text: query, partialResponse: .use, client: client, logger: logger)
  }

  package func startupSeconds(at now: Date) async throws -> [Double] {
    let body = try await request.body(from: now.floored(to: .seconds(1)), points: 1, step: .seconds(60))
    var seconds: [Double] = []
    _ = try request.check(\.envelope) {
      try PrometheusRows(body) { _, points in
        if let last = points.last?.value, last.isFinite { seconds.append(last) }
      }
    }
    return seconds
  }

  /// The letters of generated names: no vowels, so that `api-gateway-x2k4b` is not a pod of `api`.
  private static let hash = "[bcdfghjklmnpqrstvwxz2456789]"

  /// The default query: pods whose names are those of a Deployment, ReplicaSet or StatefulSet with the workload's name.
  package static func text(of workload: WorkloadName) -> String {
    let pods = pods(of: workload)
    let by = "(namespace, pod, uid)"
    return "(min by \(by) (min_over_time(kube_pod_status_ready_time\(pods)[1d]))"
      + " - on \(by) min by \(by) (min_over_time(kube_pod_created\(pods)[1d])))"
      + " and on \(by) (max by \(by) (max_over_time(kube_pod_created\(pods)[1d])) > time() - 86400)"
  }

  /// The default query for the number of a workload's starting pods: those that were created in the last quarter of an hour and are
  /// not ready. Without any, it is 0.
  package static func starting(of workload: WorkloadName) -> String {
    let pods = pods(of: workload)
    let by = "(namespace, pod, uid)"
    return "count((max by \(by) (kube_pod_created\(pods)) > time() - 900)"
      + " unless on \(by) max by \(by) (kube_pod_status_ready_time\(pods))) or vector(0)"
  }

  /// The selector of the pods whose names are those of an object with the workload's name.
  private static func pods(of workload: WorkloadName) -> String {
    // Kubernetes' names are in lower case and have no underscores.
    let name = String(workload.text.lowercased().map { $0 == "_" ? "-" : $0 })
    return "{pod=~\"\(name)(-\(hash){1,10})?-(\(hash){5}|[0-9]+)\"}"
  }
}
