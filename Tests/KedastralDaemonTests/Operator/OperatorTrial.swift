import Foundation
import KedastralCore
import KedastralKubernetes
import KedastralSources

@testable import KedastralDaemon

/// A reconciler with its objects, and what it does.
struct OperatorTrial {
  var reconciler: PolicyReconciler
  var observations: [WorkloadName: PlanObservation] = [:]
  var owns = true
  var ownsSources = false
  var now = Date(timeIntervalSince1970: 1_800_000_000)

  init(_ policies: [ForecastPolicy] = [Policies.policy()], sources: [DataSource] = [Policies.dataSource()]) {
    reconciler = PolicyReconciler(
      PolicyReconciler.Settings(knownModels: ModelCatalog.names, scalerAddress: "scaler.kedastral:50051"))
    reconciler.handle(ObjectFeed<ClusterDataSource>.Event.listed(ObjectList()), at: now)
    reconciler.handle(.listed(ObjectList(objects: sources)), at: now)
    reconciler.handle(.listed(ObjectList(objects: policies)), at: now)
    reconciler.handle(ObjectFeed<ScaledObject>.Event.listed(ObjectList()))
    reconciler.handle(ObjectFeed<Autoscaler>.Event.listed(ObjectList()))
  }

  mutating func workloads() -> [String]? { reconciler.reconcileWorkloads(at: now)?.map(\.name.text) }

  mutating func actions(after seconds: Double = 0) -> [PolicyReconciler.Action] {
    now += seconds
    _ = reconciler.reconcileWorkloads(at: now)
    return reconciler.actions(
      PolicyReconciler.Surroundings(
        observe: { [observations] in observations[$0] ?? .init() }, owns: { [owns] _, _ in owns },
        ownsSource: { [ownsSources] _, _ in ownsSources }),
      at: now)
  }

  /// Lets the cluster have what was applied.
  mutating func store(_ actions: [PolicyReconciler.Action]) {
    for case .apply(let key, let body, _) in actions {
      reconciler.handle(.changed(OperatorTrial.scaledObject(key, body)))
    }
  }

  static func scaledObject(_ key: ObjectKey, _ body: JSONValue) -> ScaledObject {
    let owner = body["metadata"]["ownerReferences"].elements?.first
    return ScaledObject(
      metadata: ObjectMetadata(
        name: key.name, namespace: key.namespace, uid: "uid-so-\(key.name)",
        ownerReferences: owner.map {
          [.init(apiVersion: "", kind: "ForecastPolicy", name: "", uid: $0["uid"].text ?? "")]
        }),
      spec: body["spec"])
  }

  mutating func plan(
    _ replicas: Int, of name: String = "shop_web", load: Double = 250, error: Double? = nil
  ) throws {
    let workload = try WorkloadName(name)
    observations[workload] = PlanObservation(
      snapshot: try Snapshot(
        workload: workload, metric: "rps", generatedAt: now, step: .seconds(60), horizon: .seconds(1800),
        values: Array(repeating: load, count: 30), desiredReplicas: Array(repeating: replicas, count: 30)))
    observations[workload]?.snapshot?.newestSampleAt = now
    observations[workload]?.snapshot?.accuracy = error.map { Snapshot.Accuracy(relativeError: $0) }
  }
}

extension [PolicyReconciler.Action] {
  var applied: [JSONValue] { compactMap { if case .apply(_, let body, _) = $0 { body } else { nil } } }
  var statuses: [JSONValue] { compactMap { if case .status(_, let body, _) = $0 { body } else { nil } } }
  var minimums: [Autoscaler.Change] {
    compactMap { if case .changeMinimum(_, let change) = $0 { change } else { nil } }
  }
  var events: [ObjectEvent] { compactMap { if case .event(let event) = $0 { event } else { nil } } }
}

extension JSONValue {
  func condition(_ type: String) -> [String] {
    let condition = self["conditions"].elements?.first { $0["type"].text == type }
    return [condition?["status"].text ?? "", condition?["reason"].text ?? "", condition?["message"].text ?? ""]
  }
}
