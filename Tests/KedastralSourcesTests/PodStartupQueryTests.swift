import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralSources

@Suite("Start-up of pods from a real Prometheus with the series of kube-state-metrics")
struct PodStartupQueryTests {
  private static let now = 1_767_225_600

  /// A pod's series for some time before `now`.
  private struct Pod {
    var name: String
    /// Seconds before `now`.
    var created: Int
    /// Seconds from creation to each time that it became ready.
    var ready: [Int]
    /// Seconds before `now` at which it was removed.
    var removed = 0
    var instance = "ksm-0"

    var labels: String {
      "{namespace=\"shop\",pod=\"\(name)\",uid=\"\(name)\",instance=\"\(instance)\"}"
    }
  }

  private static func openMetrics(_ pods: [Pod]) -> String {
    var lines = ["# TYPE kube_pod_created gauge"]
    func each(_ pod: Pod, _ body: (_ time: Int) -> Void) {
      for time in stride(from: now - min(pod.created, 100_000) + 30, through: now - pod.removed, by: 300) { body(time) }
    }
    for pod in pods {
      each(pod) { lines.append("kube_pod_created\(pod.labels) \(now - pod.created) \($0)") }
    }
    lines.append("# TYPE kube_pod_status_ready_time gauge")
    for pod in pods {
      each(pod) { time in
        let begins = pod.ready.map { now - pod.created + $0 }.filter { $0 <= time }
        if let last = begins.last { lines.append("kube_pod_status_ready_time\(pod.labels) \(last) \(time)") }
      }
    }
    return (lines + ["# EOF", ""]).joined(separator: "\n")
  }

  private func startups(_ pods: [Pod], _ query: String) async throws -> [Double] {
    let server = try await PrometheusServer(openMetrics: Self.openMetrics(pods))
    defer { server.stop() }
    return try await withClient { client in
      try await PodStartupQuery(endpoint: HTTPEndpoint(server.url), query: query, client: client)
        .startupSeconds(at: Date(timeIntervalSince1970: Double(Self.now) + 0.4)).sorted()
    }
  }

  @Test("the default query finds the workload's pods of the last day, also removed ones, with their first readiness")
  func defaultQuery() async throws {
    let pods = [
      Pod(name: "api-app-7d9f8c6b5d-x2k4b", created: 40_000, ready: [61]),
      // Its readiness ended and began again.
      Pod(name: "api-app-7d9f8c6b5d-zzp9c", created: 30_000, ready: [74, 9000]),
      Pod(name: "api-app-7d9f8c6b5d-m4m4m", created: 20_000, ready: [66], removed: 12_000),
      // Read by two instances of kube-state-metrics.
      Pod(name: "api-app-5c5c5c5c5c-b2b2b", created: 10_000, ready: [70]),
      Pod(name: "api-app-5c5c5c5c5c-b2b2b", created: 10_000, ready: [70], instance: "ksm-1"),
      // A StatefulSet's pod.
      Pod(name: "api-app-3", created: 5000, ready: [55]),
      // Not counted: not ready yet, created earlier, and pods of others.
      Pod(name: "api-app-5c5c5c5c5c-new2n", created: 4000, ready: []),
      Pod(name: "api-app-7d9f8c6b5d-qqqqq", created: 95_000, ready: [500]),
      Pod(name: "api-app-gateway-x2k4b", created: 4000, ready: [600]),
      Pod(name: "my-api-app-7d9f8c6b5d-x2k4b", created: 4000, ready: [600]),
    ]
    let query = PodStartupQuery.text(of: try WorkloadName("API_app"))
    #expect(try await startups(pods, query) == [55, 61, 66, 70, 74])
  }

  @Test("the default query counts the workload's starting pods: new ones that are not ready; without any, it returns 0")
  func starting() async throws {
    let query = PodStartupQuery.starting(of: try WorkloadName("API_app"))
    let ready = Pod(name: "api-app-7d9f8c6b5d-x2k4b", created: 600, ready: [61])
    let pods = [
      ready, Pod(name: "api-app-7d9f8c6b5d-n2w2n", created: 100, ready: []),
      Pod(name: "api-app-7", created: 200, ready: []),
      // Not counted: too old to start, and the pod of another workload.
      Pod(name: "api-app-7d9f8c6b5d-fx2ld", created: 4000, ready: []),
      Pod(name: "api-app-gateway-x2k4b", created: 100, ready: []),
    ]
    #expect(try await startups(pods, query) == [2])
    #expect(try await startups([ready], query) == [0])
  }

  @Test("a query of one's own gives one value per pod; what is not finite does not count")
  func ownQuery() async throws {
    let pods = (1...4).map { Pod(name: "p\($0)", created: 3000, ready: [$0 * 10]) }
    let query = "kube_pod_status_ready_time - kube_pod_created"
    #expect(try await startups(pods, query) == [10, 20, 30, 40])
    #expect(try await startups(pods, "(\(query)) / (kube_pod_created * 0)") == [])
    #expect(try await startups(pods, "missing") == [])
  }

  @Test("a query that Prometheus refuses is an error with its message")
  func refused() async throws {
    await #expect {
      _ = try await startups([Pod(name: "p", created: 3000, ready: [10])], "min by (")
    } throws: { "\($0)".contains("parse error") }
  }
}
