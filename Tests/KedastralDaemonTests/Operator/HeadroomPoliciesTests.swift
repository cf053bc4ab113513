import Foundation
import KedastralCore
import KedastralKubernetes
import KedastralSources
import Testing

@testable import KedastralDaemon

/// A HeadroomPolicy for tests.
private func headroom(
  _ name: String = "placeholders", uid: String? = nil, changes: JSONValue = [:]
) -> HeadroomPolicy {
  let spec: JSONValue = [
    "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": "placeholders"], "nodeStartup": "3m",
    "placeholder": ["cpu": "1", "memory": "2Gi"], "maxReplicas": 20,
    "policies": [
      ["name": "web", "requests": ["cpu": "500m", "memory": "512Mi"]],
      ["name": "api", "namespace": "other", "requests": ["cpu": "1"]],
    ],
  ]
  return HeadroomPolicy(
    metadata: ObjectMetadata(name: name, namespace: "shop", uid: uid ?? "uid-\(name)", generation: 1),
    spec: spec.merging(changes))
}

extension OperatorTrial {
  fileprivate init(headroom policies: [HeadroomPolicy]) {
    self.init([Policies.policy(), Policies.policy("api", in: "other")], sources: [Policies.dataSource()])
    reconciler.handle(.listed(ObjectList(objects: policies)))
  }

  /// What happens to an object: the ScaledObject that is applied, and the condition Ready that is written.
  fileprivate mutating func step(
    _ name: String = "placeholders", after seconds: Double = 0
  ) -> (applied: JSONValue?, ready: [String]) {
    let actions = actions(after: seconds)
    store(actions)
    let ready = actions.compactMap { action -> [String]? in
      guard case .headroomStatus(let key, let body, _) = action, key.name == name else { return nil }
      return body.condition("Ready")
    }
    let own = actions.applied.first { body in
      let owner = body["metadata"]["ownerReferences"].elements?.first
      return body["metadata"]["name"].text == name && owner?["kind"].text == "HeadroomPolicy"
    }
    return (own, ready.first ?? [])
  }
}

@Suite("HeadroomPolicies")
struct HeadroomPoliciesTests {
  @Test("creates the ScaledObject on the placeholder pods, with the workloads of its policies, once")
  func creates() throws {
    var trial = OperatorTrial(headroom: [headroom()])
    let first = trial.step()
    let body = try #require(first.applied)
    #expect(first.ready == [])
    #expect(
      body["metadata"]["ownerReferences"].elements?.first == [
        "apiVersion": "kedastral.io/v1alpha1", "kind": "HeadroomPolicy", "name": "placeholders",
        "uid": "uid-placeholders", "controller": true,
      ])
    #expect(body["spec"]["scaleTargetRef"]["name"] == "placeholders")
    #expect(body["spec"]["minReplicaCount"] == 0 && body["spec"]["maxReplicaCount"] == 20)
    #expect(
      body["spec"]["triggers"].elements?.first?["metadata"] == [
        "scalerAddress": "scaler.kedastral:50051", "headroom": "3m", "placeholder": "1/2Gi",
        "workloads": "shop_web=500m/512Mi,other_api=1/0",
      ])
    let second = trial.step(after: 1)
    #expect(second.applied == nil)
    #expect(second.ready == ["True", "Applied", "The ScaledObject asks for the placeholder pods."])
    for _ in 0..<50 {
      let later = trial.step(after: 5)
      #expect(later.applied == nil && later.ready == [])
    }
  }

  @Test("applies changes of its fields, and creates its ScaledObject again when somebody deletes it")
  func changes() throws {
    var trial = OperatorTrial(headroom: [headroom()])
    _ = trial.step()
    trial.reconciler.handle(.changed(headroom(changes: ["maxReplicas": 5])))
    let changed = trial.step(after: 1).applied
    #expect(changed?["spec"]["maxReplicaCount"] == 5)
    trial.reconciler.handle(ObjectFeed<ScaledObject>.Event.removed(headroom().key))
    let again = trial.step(after: 31).applied
    #expect(again?["spec"]["maxReplicaCount"] == 5)
    trial.reconciler.handle(ObjectFeed<HeadroomPolicy>.Event.removed(headroom().key))
    trial.reconciler.handle(ObjectFeed<ScaledObject>.Event.removed(headroom().key))
    #expect(trial.step(after: 600).applied == nil)
  }

  @Test("an invalid object says which field is wrong, and its ScaledObject stays as it is")
  func invalid() throws {
    for (changes, text) in [
      (["nodeStartup": "soon"], "'soon'"), (["nodeStartup": "3h"], "up to 2h"),
      (["placeholder": ["cpu": "0", "memory": "0"]], "requests of a placeholder pod"),
      (["placeholder": ["cpu": "lots"]], "spec.placeholder"), (["policies": []], "1 to 200 workloads"),
      (["policies": [["name": "web", "requests": ["memory": "1Q"]]]], "spec.policies[0].requests"),
    ] as [(JSONValue, String)] {
      var trial = OperatorTrial(headroom: [headroom(changes: changes)])
      let step = trial.step()
      #expect(step.applied == nil)
      #expect(step.ready.prefix(2) == ["False", "InvalidSpec"] && step.ready[2].contains(text), "\(step.ready)")
    }
    var trial = OperatorTrial(headroom: [headroom()])
    _ = trial.step()
    _ = trial.step(after: 1)
    trial.reconciler.handle(.changed(headroom(changes: ["nodeStartup": "soon"])))
    let actions = trial.actions(after: 31)
    #expect(!actions.applied.contains { $0["metadata"]["name"].text == "placeholders" })
    #expect(actions.events.map(\.reason).contains("InvalidSpec"))
  }

  @Test("a target that something else scales is left as it is")
  func conflicts() throws {
    func conflict(_ policies: HeadroomPolicy..., name: String, with other: ScaledObject? = nil) -> [String] {
      var trial = OperatorTrial(headroom: policies)
      if let other { trial.reconciler.handle(.changed(other)) }
      let step = trial.step(name)
      return step.applied == nil ? step.ready : ["applied"]
    }
    #expect(
      conflict(headroom("a", changes: ["scaleTargetRef": ["name": "web"]]), name: "a")
        == ["False", "Conflict", "The ForecastPolicy 'web' scales the Deployment 'web' already."])
    #expect(conflict(headroom("web"), name: "web").last?.contains("a ForecastPolicy 'web'") == true)
    #expect(conflict(headroom("a"), headroom("b"), name: "a") == ["applied"])
    #expect(
      conflict(headroom("a"), headroom("b"), name: "b").last?.contains("The HeadroomPolicy 'a' scales") == true)
    let theirs = ScaledObject(
      metadata: ObjectMetadata(name: "theirs", namespace: "shop", uid: "x"),
      spec: ["scaleTargetRef": ["name": "placeholders"]])
    #expect(conflict(headroom(), name: "placeholders", with: theirs).last?.contains("'theirs' scales") == true)
  }

  @Test("a policy that is not there is named, and the others get their placeholders")
  func missing() throws {
    var trial = OperatorTrial(headroom: [headroom()])
    trial.reconciler.handle(
      ObjectFeed<ForecastPolicy>.Event.removed(ObjectKey(namespace: "other", name: "api")), at: trial.now)
    let step = trial.step()
    #expect(step.applied != nil)
    #expect(
      step.ready == [
        "False", "PolicyNotFound", "There is no ForecastPolicy 'other/api'; its pods get no placeholders.",
      ])
  }

  @Test("a request that fails is reported and repeated after a growing wait, and another process writes nothing")
  func fails() throws {
    var trial = OperatorTrial(headroom: [headroom()])
    trial.owns = false
    #expect(trial.actions(after: 1).isEmpty)
    trial.owns = true
    var (sent, reasons) = (0, Set<String>())
    for _ in 0..<720 {
      let actions = trial.actions(after: 5)
      let count = actions.applied.count { $0["metadata"]["name"].text == "placeholders" }
      sent += count
      if count > 0 {
        let error = KubernetesError(request: "PATCH x", reason: .refused(status: 500, reason: "", message: ""))
        trial.reconciler.scalingRequestEnded(headroom().key, error: error)
      }
      for case .headroomStatus(_, let body, _) in actions { reasons.insert(body.condition("Ready")[1]) }
    }
    #expect((5...13).contains(sent), "\(sent)")
    #expect(reasons == ["ScaledObjectNotWritten"])
  }
}
