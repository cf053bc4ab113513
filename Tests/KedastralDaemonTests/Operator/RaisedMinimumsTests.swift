import Foundation
import KedastralCore
import KedastralKubernetes
import KedastralSources
import Testing

@testable import KedastralDaemon

/// An autoscaler of the user, and a policy that raises its `minReplicas`.
private struct RaiseTrial {
  var trial: OperatorTrial
  var autoscaler: Autoscaler
  var version = 1

  init(policy: ForecastPolicy = RaiseTrial.policy(), minimum: Int? = 2, maximum: Int = 10) throws {
    trial = OperatorTrial([policy])
    autoscaler = Autoscaler(
      metadata: ObjectMetadata(name: "mine", namespace: "shop", uid: "hpa", resourceVersion: "1"),
      spec: .init(scaleTargetRef: ["name": "web"], minReplicas: minimum, maxReplicas: maximum))
    trial.reconciler.handle(.changed(autoscaler))
  }

  static func policy(_ changes: JSONValue = [:]) -> ForecastPolicy {
    Policies.policy(changes: JSONValue.object(["apply": "minReplicas"]).merging(changes))
  }

  /// The changes, each made to the autoscaler as the API server makes it.
  mutating func changes(after seconds: Double = 0) -> [Autoscaler.Change] {
    let changes = trial.actions(after: seconds).minimums
    for change in changes {
      edit { autoscaler in
        switch change {
        case .raise(let raise): (autoscaler.spec.minReplicas, autoscaler.raise) = (raise.raised, raise)
        case .giveBack(let before): (autoscaler.spec.minReplicas, autoscaler.raise) = (before, nil)
        }
      }
      trial.reconciler.minimumRequestEnded(autoscaler.key, error: nil)
    }
    return changes
  }

  mutating func edit(_ change: (inout Autoscaler) -> Void) {
    change(&autoscaler)
    version += 1
    autoscaler.metadata.resourceVersion = "\(version)"
    trial.reconciler.handle(.changed(autoscaler))
  }

  func raise(_ before: Int, _ raised: Int) -> Autoscaler.Change {
    .raise(MinimumRaise(policy: "web", before: before, raised: raised))
  }
}

@Suite("Raising minReplicas of an autoscaler")
struct RaisedMinimumsTests {
  @Test("raises to the plan, never above maxReplicas, and gives back what was there when the plan needs less")
  func raises() throws {
    var one = try RaiseTrial()
    try one.trial.plan(7)
    #expect(one.changes() == [one.raise(2, 7)])
    try one.trial.plan(30)
    #expect(one.changes(after: 16) == [one.raise(2, 10)])
    try one.trial.plan(5)
    #expect(one.changes(after: 16) == [one.raise(2, 5)])
    try one.trial.plan(1)
    #expect(one.changes(after: 16) == [.giveBack(2)])
    #expect(one.autoscaler.spec.minReplicas == 2 && one.autoscaler.raise == nil)
  }

  @Test("an autoscaler without minReplicas gets 1 back, which is what that means")
  func withoutMinimum() throws {
    var one = try RaiseTrial(minimum: nil)
    try one.trial.plan(3)
    #expect(one.changes() == [one.raise(1, 3)])
    try one.trial.plan(1)
    #expect(one.changes(after: 16) == [.giveBack(1)])
  }

  @Test("the plan is that for now and the lead time, in whole replicas")
  func leadTime() throws {
    var one = try RaiseTrial(policy: RaiseTrial.policy(["leadTime": "5m", "mode": "load"]))
    let workload = try WorkloadName("shop_web")
    one.trial.observations[workload] = PlanObservation(
      snapshot: try Snapshot(
        workload: workload, metric: "rps", generatedAt: one.trial.now, step: .seconds(60), horizon: .seconds(1800),
        values: Array(repeating: 250, count: 30),
        desiredReplicas: [3, 4, 4, 4, 5, 6] + Array(repeating: 9, count: 24)))
    #expect(one.changes() == [one.raise(2, 5)])
  }

  @Test("writes nothing when nothing changes, and one change each 15 s at most")
  func writesLittle() throws {
    var one = try RaiseTrial()
    try one.trial.plan(7)
    #expect(one.changes().count == 1)
    for _ in 0..<100 {
      try one.trial.plan(7)
      #expect(one.changes(after: 5) == [])
    }
    var count = 0
    for second in 0..<300 {
      try one.trial.plan(second.isMultiple(of: 2) ? 6 : 7)
      count += one.changes(after: 1).count
    }
    #expect((15...20).contains(count), "\(count)")
  }

  @Test("a request that is not answered, or does not help, is repeated after a growing wait")
  func repeats() throws {
    var one = try RaiseTrial()
    var count = 0
    for _ in 0..<720 {
      try one.trial.plan(7)
      count += one.trial.actions(after: 5).minimums.count
    }
    #expect((5...13).contains(count), "\(count)")
  }

  @Test("a conflict is tried again with the next version, at once, and is not reported")
  func conflict() throws {
    var one = try RaiseTrial()
    try one.trial.plan(7)
    #expect(one.trial.actions().minimums == [one.raise(2, 7)])
    let key = one.autoscaler.key
    one.trial.reconciler.minimumRequestEnded(
      key, error: KubernetesError(request: "PATCH", reason: .refused(status: 409, reason: "Conflict", message: "")))
    #expect(one.trial.actions(after: 1).minimums == [])
    one.edit { $0.spec.minReplicas = 3 }
    #expect(one.trial.actions(after: 1).minimums == [one.raise(3, 7)])
    one.trial.reconciler.minimumRequestEnded(
      key, error: KubernetesError(request: "PATCH", reason: .refused(status: 403, reason: "Forbidden", message: "no")))
    let status = try #require(one.trial.actions(after: 31).statuses.first)
    #expect(status.condition("Ready").prefix(2) == ["False", "AutoscalerNotWritten"])
  }

  @Test("what others set is theirs: it is kept, raised again if the plan needs more, and given back")
  func editedByOthers() throws {
    var one = try RaiseTrial()
    try one.trial.plan(7)
    #expect(one.changes() == [one.raise(2, 7)])
    one.edit { $0.spec.minReplicas = 4 }
    try one.trial.plan(7)
    #expect(one.changes(after: 16) == [one.raise(4, 7)])
    one.edit { $0.spec.minReplicas = 8 }
    try one.trial.plan(7)
    #expect(one.changes(after: 16) == [.giveBack(8)])
    // The plan needs less than that, so the note goes and the value stays.
    #expect(one.autoscaler.spec.minReplicas == 8 && one.autoscaler.raise == nil)
  }

  @Test(
    "is given back when the policy goes, changes how it applies or its target, or is a dry run",
    arguments: ["deleted", "apply", "target", "dryRun", "none"])
  func givesBack(_ reason: String) throws {
    var one = try RaiseTrial()
    try one.trial.plan(7)
    #expect(one.changes() == [one.raise(2, 7)])
    let changed: JSONValue =
      switch reason {
      case "apply": ["apply": "scaledObject"]
      case "target": ["scaleTargetRef": ["name": "other"]]
      case "dryRun": ["dryRun": true]
      default: ["apply": "scaledObject", "scaledObject": "none"]
      }
    if reason == "deleted" {
      one.trial.reconciler.handle(
        ObjectFeed<ForecastPolicy>.Event.removed(RaiseTrial.policy().key), at: one.trial.now)
    } else {
      one.trial.reconciler.handle(.changed(RaiseTrial.policy(changed)), at: one.trial.now)
    }
    #expect(one.changes(after: 16) == [.giveBack(2)])
    #expect(one.changes(after: 60) == [])
  }

  @Test("a policy that was deleted while no operator was running is given back by the next one")
  func orphan() throws {
    var one = try RaiseTrial(policy: Policies.policy("another", changes: ["scaleTargetRef": ["name": "x"]]), minimum: 7)
    one.edit { $0.raise = MinimumRaise(policy: "web", before: 2, raised: 7) }
    one.trial.owns = false
    #expect(one.changes() == [])
    one.trial.owns = true
    #expect(one.changes(after: 1) == [.giveBack(2)])
  }

  @Test("a process that has just started keeps what is raised until it has a plan, and gives it back without one")
  func restart() throws {
    var one = try RaiseTrial(minimum: 7)
    one.edit { $0.raise = MinimumRaise(policy: "web", before: 2, raised: 7) }
    #expect(one.changes() == [])
    #expect(one.changes(after: 100) == [])
    #expect(one.changes(after: 30) == [.giveBack(2)])
  }

  @Test("an old plan raises nothing")
  func stale() throws {
    var one = try RaiseTrial()
    try one.trial.plan(7)
    #expect(one.changes() == [one.raise(2, 7)])
    #expect(one.changes(after: 119) == [])
    #expect(one.changes(after: 2) == [.giveBack(2)])
    try one.trial.plan(7)
    #expect(one.changes(after: 20) == [one.raise(2, 7)])
  }

  @Test("the status names the autoscaler and what is raised there")
  func status() throws {
    var one = try RaiseTrial()
    try one.trial.plan(7)
    _ = one.changes()
    try one.trial.plan(7)
    let status = try #require(one.trial.actions(after: 31).statuses.first)
    #expect(status["autoscalerName"] == "mine" && status["minReplicas"] == 7 && status["scaledObjectName"] == .null)
    #expect(status.condition("Ready").prefix(2) == ["True", "Planned"])
  }

  @Test("without an autoscaler, with several, or with KEDA's, nothing is raised, and the policy says so")
  func obstacles() throws {
    var one = try RaiseTrial()
    one.trial.reconciler.handle(ObjectFeed<Autoscaler>.Event.removed(one.autoscaler.key))
    try one.trial.plan(7)
    let first = one.trial.actions()
    #expect(first.minimums == [] && first.events.map(\.reason) == ["NoAutoscaler"])
    #expect(try #require(first.statuses.first).condition("Ready").prefix(2) == ["False", "NoAutoscaler"])

    var keda = one.autoscaler
    keda.metadata.ownerReferences = [.init(apiVersion: "", kind: "ScaledObject", name: "theirs", uid: "x")]
    one.trial.reconciler.handle(.changed(keda))
    try one.trial.plan(7)
    let second = one.trial.actions(after: 31)
    #expect(second.minimums == [] && second.events.map(\.reason) == ["Conflict"])

    one.trial.reconciler.handle(.changed(one.autoscaler))
    var other = one.autoscaler
    other.metadata.name = "another"
    one.trial.reconciler.handle(.changed(other))
    try one.trial.plan(7)
    let third = one.trial.actions(after: 61)
    #expect(third.minimums == [])
    #expect(
      try #require(third.statuses.first).condition("Ready")[2]
        == "Several HorizontalPodAutoscalers scale the Deployment 'web': 'another', 'mine'; keep one.")

    one.trial.reconciler.handle(ObjectFeed<Autoscaler>.Event.removed(other.key))
    one.trial.reconciler.handle(
      .changed(
        ScaledObject(metadata: ObjectMetadata(name: "s", namespace: "shop"), spec: ["scaleTargetRef": ["name": "web"]]))
    )
    #expect(one.trial.actions(after: 31).minimums == [])
  }

  @Test("a policy that had a ScaledObject deletes it before it raises anything")
  func switches() throws {
    var one = try RaiseTrial(policy: Policies.policy())
    one.trial.reconciler.handle(ObjectFeed<Autoscaler>.Event.removed(one.autoscaler.key))
    one.trial.store(one.trial.actions())
    one.trial.reconciler.handle(.changed(one.autoscaler))
    one.trial.reconciler.handle(.changed(RaiseTrial.policy()), at: one.trial.now)
    try one.trial.plan(7)
    let actions = one.trial.actions(after: 1)
    #expect(actions.contains(.delete(RaiseTrial.policy().key, uid: "uid-so-web")) && actions.minimums == [])
    one.trial.reconciler.handle(ObjectFeed<ScaledObject>.Event.removed(RaiseTrial.policy().key))
    #expect(one.changes(after: 1) == [one.raise(2, 7)])
  }

  @Test("needs no KEDA, but waits as long as ScaledObjects may not be read")
  func withoutKeda() throws {
    for (status, expected) in [(404, 1), (403, 0)] {
      let now = Date(timeIntervalSince1970: 1_800_000_000)
      var trial = OperatorTrial([])
      trial.reconciler = PolicyReconciler(
        .init(knownModels: ModelCatalog.names, scalerAddress: "s:1"), seesClusterSources: false)
      trial.reconciler.handle(.listed(ObjectList(objects: [Policies.dataSource()])), at: now)
      trial.reconciler.handle(.listed(ObjectList(objects: [RaiseTrial.policy()])), at: now)
      trial.reconciler.handle(
        ObjectFeed<ScaledObject>.Event.interrupted(
          KubernetesError(request: "GET", reason: .refused(status: status, reason: "", message: ""))))
      let autoscaler = Autoscaler(
        metadata: ObjectMetadata(name: "mine", namespace: "shop", uid: "hpa"),
        spec: .init(scaleTargetRef: ["name": "web"], maxReplicas: 10))
      trial.reconciler.handle(.listed(ObjectList(objects: [autoscaler])))
      try trial.plan(7)
      #expect(trial.actions().minimums.count == expected)
    }
  }

  @Test("while ScaledObjects cannot be read, what is raised stays, but not longer than its plan")
  func unknownObjects() throws {
    var one = try RaiseTrial(minimum: 7)
    one.edit { $0.raise = MinimumRaise(policy: "web", before: 2, raised: 7) }
    one.trial.reconciler = PolicyReconciler(.init(knownModels: ModelCatalog.names, scalerAddress: "s:1"))
    one.trial.reconciler.handle(ObjectFeed<ClusterDataSource>.Event.listed(ObjectList()), at: one.trial.now)
    one.trial.reconciler.handle(.listed(ObjectList(objects: [Policies.dataSource()])), at: one.trial.now)
    one.trial.reconciler.handle(.listed(ObjectList(objects: [RaiseTrial.policy()])), at: one.trial.now)
    one.trial.reconciler.handle(.listed(ObjectList(objects: [one.autoscaler])))
    try one.trial.plan(3)
    #expect(one.changes() == [])
    #expect(one.changes(after: 119) == [])
    #expect(one.changes(after: 2) == [.giveBack(2)])
  }

  @Test("all autoscalers together cost a limited number of writes per second, raises before the rest")
  func budget() {
    var minimums = RaisedMinimums(.init(writesPerSecond: 2, burst: 3))
    var wishes: [ScaleTarget: (policy: ObjectKey, wish: RaisedMinimums.Wish)] = [:]
    for index in 0..<10 {
      let isRaised = index >= 5
      let object = Autoscaler(
        metadata: ObjectMetadata(name: "a\(index)", namespace: "shop", uid: "u\(index)", resourceVersion: "1"),
        spec: .init(scaleTargetRef: ["name": .string("t\(index)")], minReplicas: isRaised ? 6 : 1, maxReplicas: 9),
        raise: isRaised ? MinimumRaise(policy: "p", before: 1, raised: 6) : nil)
      minimums.set(object)
      if let target = ScaleTarget(object.spec.scaleTargetRef, in: "shop") {
        wishes[target] = (ObjectKey(namespace: "shop", name: "p"), .replicas(isRaised ? 5 : 7))
      }
    }
    let now = Date(timeIntervalSince1970: 0)
    let first = minimums.changes(wishes, mayGiveBack: { _ in true }, at: now)
    #expect(first.map(\.autoscaler.key.name) == ["a0", "a1", "a2"])
    #expect(
      minimums.changes(wishes, mayGiveBack: { _ in true }, at: now + 1).map(\.autoscaler.key.name) == ["a3", "a4"])
    #expect(minimums.changes(wishes, mayGiveBack: { _ in true }, at: now + 1.5).count == 1)
  }

  @Test("reads an autoscaler with its note, and ignores notes that it has not written")
  func reads() throws {
    func read(_ note: String) throws -> Autoscaler {
      let text: JSONValue = .object([
        "metadata": ["name": "mine", "annotations": .object(["kedastral.io/min-replicas": .string(note), "x": "y"])],
        "spec": ["scaleTargetRef": ["name": "web"], "minReplicas": 7, "maxReplicas": 10],
      ])
      return try JSONDecoder().decode(Autoscaler.self, from: JSONEncoder().encode(text))
    }
    let raise = MinimumRaise(policy: "web", before: 2, raised: 7)
    #expect(raise.text == #"{"before":2,"policy":"web","raised":7}"#)
    let one = try read(raise.text)
    #expect(one.raise == raise && one.ownMinimum == 2)
    for note in ["", "{}", "7", #"{"before":7,"policy":"web","raised":7}"#, #"{"before":-1,"policy":"","raised":7}"#] {
      #expect(try read(note).raise == nil)
    }
    // What is given back fits the limits that the autoscaler has meanwhile.
    #expect(try read(#"{"before":6,"policy":"web","raised":7}"#).ownMinimum == 6)
  }

  @Test("the request names the version and the identity that were read, and one field beside the note")
  func body() throws {
    let one = try RaiseTrial()
    let body = one.autoscaler.body(one.raise(2, 7))
    #expect(body["metadata"]["uid"] == "hpa" && body["metadata"]["resourceVersion"] == "1")
    #expect(body["spec"] == ["minReplicas": 7])
    #expect(body["metadata"]["annotations"].members?.keys.sorted() == ["kedastral.io/min-replicas"])
    let back = one.autoscaler.body(.giveBack(2))
    #expect(back["metadata"]["annotations"] == .object(["kedastral.io/min-replicas": .null]))
  }
}
