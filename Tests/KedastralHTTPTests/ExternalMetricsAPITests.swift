import Foundation
import KedastralCore
import Testing

@testable import KedastralHTTP

@Suite("External metrics of autoscalers")
struct ExternalMetricsAPITests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)
  private let api = ExternalMetricsAPI(defaults: .init(leadTime: .seconds(300), staleAfter: .seconds(120)))
  private let path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/kedastral-replicas"

  private func snapshot(
    _ replicas: [Int] = [3, 3, 4, 4, 5, 9], planned: [Double] = [], isDryRun: Bool = false, age: Double = 0
  ) throws -> Snapshot {
    var snapshot = try Snapshot(
      workload: try WorkloadName("web"), metric: "rps", generatedAt: now - age, step: .seconds(60),
      horizon: .seconds(60 * Double(replicas.count)), values: Array(repeating: 250, count: replicas.count),
      desiredReplicas: replicas)
    snapshot.plannedLoad = planned
    if !planned.isEmpty { snapshot.targetPerPod = 100 }
    snapshot.isDryRun = isDryRun
    return snapshot
  }

  private func answer(_ selector: String?, _ plan: Snapshot?, path: String? = nil) throws -> (Int, [String: Any]) {
    let response = api.answer(path ?? self.path, selector: selector, at: now) { $0 == "web" ? plan : nil }
    let document = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
    return (response.status, document ?? [:])
  }

  private func value(_ selector: String, _ plan: Snapshot) throws -> String? {
    let (_, document) = try answer(selector, plan)
    return (document["items"] as? [[String: Any]])?.first?["value"] as? String
  }

  @Test("the value is the plan's maximum until the lead time, as for KEDA")
  func value() throws {
    let (status, document) = try answer("workload=web", try snapshot())
    #expect(status == 200 && document["kind"] as? String == "ExternalMetricValueList")
    #expect(document["apiVersion"] as? String == "external.metrics.k8s.io/v1beta1")
    let items = try #require(document["items"] as? [[String: Any]])
    #expect(items.count == 1 && items[0]["value"] as? String == "5")
    #expect(items[0]["metricName"] as? String == "kedastral-replicas")
    #expect(items[0]["metricLabels"] as? [String: String] == ["workload": "web"])
    #expect(items[0]["timestamp"] as? String == "2027-01-15T08:00:00Z")
  }

  @Test("labels of the selector set lead time, selection and mode; a plan's own lead time comes before the server's")
  func labels() throws {
    #expect(try value("workload=web,leadTime=1m", try snapshot()) == "3")
    #expect(try value("leadTime=6m,workload==web", try snapshot()) == "9")
    #expect(try value("workload=web,leadTime=auto", try snapshot()) == "5")
    #expect(try value("workload=web,leadTime=3m,select=at-lead", try snapshot()) == "4")
    #expect(try value("workload=web,mode=load", try snapshot([3, 3], planned: [250, 260.4])) == "2604m")
  }

  @Test("quantities are whole or thousandths, rounded up")
  func quantities() {
    for (value, text) in [
      (0.0, "0"), (7, "7"), (2.5, "2500m"), (2.0001, "2001m"), (6.999_999_999_9, "7"), (100_000, "100000"),
    ] {
      #expect(ExternalMetricsAPI.quantity(value) == text)
    }
  }

  @Test("without a plan that is served there is no value, and the message says why")
  func failures() throws {
    func failure(_ selector: String?, _ plan: Snapshot?, path: String? = nil) throws -> String {
      let (status, document) = try answer(selector, plan, path: path)
      #expect(document["kind"] as? String == "Status" && document["code"] as? Int == status)
      return "\(status) \(document["reason"] ?? ""): \(document["message"] ?? "")"
    }
    #expect(try failure("workload=other", nil) == "404 NotFound: no forecast for workload 'other'")
    #expect(
      try failure("workload=web", try snapshot(isDryRun: true))
        == "404 NotFound: workload 'web' is a dry run: its plan is not served")
    #expect(
      try failure("workload=web", try snapshot(age: 121)).hasPrefix(
        "503 ServiceUnavailable: the forecast of workload 'web' is not served: "))
    #expect(try failure("workload=web,mode=load", try snapshot()).contains("no planned load"))
    let start = "400 BadRequest: "
    #expect(try failure(nil, try snapshot()).hasPrefix(start + "the label 'workload' is missing"))
    #expect(try failure("workload=web,app=x", try snapshot()).hasPrefix(start + "the label 'app' is unknown"))
    #expect(try failure("workload=web,leadTime=soon", try snapshot()).hasPrefix(start + "leadTime 'soon'"))
    #expect(try failure("workload=web,leadTime=-1m", try snapshot()).hasPrefix(start))
    #expect(try failure("workload=web,mode=pods", try snapshot()).hasPrefix(start + "unknown mode"))
    #expect(try failure("workload=web,select=min", try snapshot()).hasPrefix(start + "unknown select"))
    #expect(try failure("workload=web,workload=other", try snapshot()).hasPrefix(start))
    for selector in ["workload", "workload!=web", "workload in (web)", "=web", "!workload", "a=b=c"] {
      #expect(try failure(selector, try snapshot()).hasPrefix(start + "the label selector"))
    }
    #expect(try failure(String(repeating: "a", count: 5000), nil).hasPrefix(start + "the label selector has more"))
    let root = "/apis/external.metrics.k8s.io/v1beta1"
    for path in ["\(root)/", "\(root)/namespaces", "\(root)/namespaces//kedastral-replicas", "\(path)/x"] {
      #expect(try failure("workload=web", try snapshot(), path: path).hasPrefix("404 NotFound: "))
    }
    #expect(
      try failure("workload=web", try snapshot(), path: "\(root)/namespaces/shop/queue-length")
        == "404 NotFound: there is no metric 'queue-length'; the metric is kedastral-replicas")
  }

  @Test("lists its one resource")
  func resources() throws {
    let list = try #require(
      try JSONSerialization.jsonObject(with: Data(ExternalMetricsAPI.resources.body)) as? [String: Any])
    #expect(list["kind"] as? String == "APIResourceList")
    #expect(list["groupVersion"] as? String == "external.metrics.k8s.io/v1beta1")
    let resources = try #require(list["resources"] as? [[String: Any]])
    #expect(resources.count == 1 && resources[0]["name"] as? String == "kedastral-replicas")
    #expect(resources[0]["namespaced"] as? Bool == true && resources[0]["verbs"] as? [String] == ["get"])
  }

  @Test("paths under a route are one route, and a route of its own comes before")
  func router() {
    var router = HTTPRouter()
    router.get("/a/b") { _ in .now(.json([1])) }
    router.getAll(under: "/a/") { _ in .now(.json([2])) }
    func found(_ method: String, _ path: String) -> String {
      switch router.match(HTTPRequest(method: method, target: path)) {
      case .handler(_, _, let route): route
      case .unknownPath: "unknown"
      case .wrongMethod(let allowed): allowed
      }
    }
    #expect(found("GET", "/a/b") == "/a/b" && found("GET", "/a/c/d?x=y") == "/a/" && found("HEAD", "/a/") == "/a/")
    #expect(found("GET", "/a") == "unknown" && found("POST", "/a/c") == "GET, HEAD")
  }
}
