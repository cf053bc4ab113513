import KedastralCore
import KedastralKubernetes
import KedastralSources
import Testing

@testable import KedastralDaemon

@Suite("Lead time of a ForecastPolicy")
struct PolicyLeadTimeTests {
  @Test(
    "a policy with the lead time auto measures its target, and its trigger has no lead time",
    arguments: [
      (1, nil, 15), (0, 45, 45), (0, nil, 15), (2, 45, 15),
    ])
  func policy(minReplicas: Int, pollingInterval: Int?, expected: Int) throws {
    let policy = Policies.policy(changes: [
      "leadTime": "auto", "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"],
      "capacity": ["minReplicas": .number(Double(minReplicas))],
      "pollingInterval": pollingInterval.map { .number(Double($0)) } ?? .null,
    ])
    let workload = try PolicyTranslation(knownModels: ModelCatalog.names).workload(policy) { _ in
      DescribedSource(spec: Policies.source, credentials: .init())
    }
    let target = PodTarget(
      resource: ResourceType(group: "apps", version: "v1", plural: "statefulsets", kind: "StatefulSet"),
      key: ObjectKey(namespace: "shop", name: "db"))
    #expect(workload.leadTime == .pods(target, pollingInterval: .seconds(expected)))
    let body = try PolicyScaling(policy).scaledObject(policy, workload, scalerAddress: "scaler:1")
    #expect(
      body["spec"]["triggers"].elements?.first?["metadata"] == ["scalerAddress": "scaler:1", "workload": "shop_web"])
  }

  @Test("a lead time that is left in a trigger is removed, and a duration is written again")
  func trigger() throws {
    let (fixed, measured) = (Policies.policy(), Policies.policy(changes: ["leadTime": "auto"]))
    func spec(_ policy: ForecastPolicy) throws -> JSONValue {
      let workload = try PolicyTranslation(knownModels: ModelCatalog.names).workload(policy) { _ in
        DescribedSource(spec: Policies.source, credentials: .init())
      }
      return try PolicyScaling(policy).scaledObject(policy, workload, scalerAddress: "scaler:1")["spec"]
    }
    #expect(try !PolicyScaling(measured).matches(spec(fixed), spec(measured)))
    #expect(try PolicyScaling(measured).matches(spec(measured), spec(measured)))
    #expect(try !PolicyScaling(fixed).matches(spec(measured), spec(fixed)))
    #expect(try PolicyScaling(fixed).matches(spec(fixed), spec(fixed)))
  }
}
