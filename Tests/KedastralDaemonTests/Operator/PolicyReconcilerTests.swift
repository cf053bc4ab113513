import Foundation
import KedastralCore
import KedastralKubernetes
import KedastralSources
import Testing

@testable import KedastralDaemon

private typealias Trial = OperatorTrial

@Suite("Reconciler of ForecastPolicies")
struct PolicyReconcilerTests {
  @Test("does nothing before all policies and sources are known, so that no plan is removed")
  func incomplete() {
    var reconciler = PolicyReconciler(.init(knownModels: [], scalerAddress: "s:1"))
    let now = Date(timeIntervalSince1970: 0)
    #expect(reconciler.missingLists == "the policies have not been listed yet")
    reconciler.handle(.listed(ObjectList(objects: [Policies.policy()])), at: now)
    #expect(reconciler.reconcileWorkloads(at: now) == nil)
    let error = KubernetesError(
      request: "GET /datasources", reason: .refused(status: 403, reason: "Forbidden", message: ""))
    reconciler.handle(ObjectFeed<DataSource>.Event.interrupted(error), at: now)
    #expect(reconciler.missingLists == "GET /datasources: HTTP 403 Forbidden")
    #expect(
      reconciler.actions(
        .init(
          observe: { _ in .init() }, owns: { _, _ in true }, ownsSource: { _, _ in false }), at: now) == [])
  }

  @Test("forecasts valid policies, and reports workloads again only when they change")
  func workloads() {
    var trial = Trial([Policies.policy(), Policies.policy("api", in: "other")], sources: [Policies.dataSource()])
    #expect(trial.workloads() == ["shop_web"])
    #expect(trial.workloads() == nil)
    trial.reconciler.handle(.changed(Policies.dataSource(in: "other")), at: trial.now)
    #expect(trial.workloads() == ["other_api", "shop_web"])
    var again = Policies.policy()
    again.status = ["workload": "shop_web"]
    trial.reconciler.handle(.changed(again), at: trial.now)
    #expect(trial.workloads() == nil)
    trial.reconciler.handle(ObjectFeed<ForecastPolicy>.Event.removed(again.key), at: trial.now)
    #expect(trial.workloads() == ["other_api"])
    trial.reconciler.handle(ObjectFeed<ForecastPolicy>.Event.listed(ObjectList()), at: trial.now)
    #expect(trial.workloads() == [])
  }

  @Test("creates a ScaledObject that belongs to the policy, once")
  func creates() throws {
    var trial = Trial()
    let first = trial.actions()
    let body = try #require(first.applied.first)
    #expect(first.applied.count == 1)
    #expect(body["metadata"]["ownerReferences"].elements?.first?["uid"] == "uid-shop-web")
    let spec = body["spec"]
    #expect(spec["minReplicaCount"] == 1 && spec["maxReplicaCount"] == 100 && spec["pollingInterval"] == .null)
    #expect(spec["fallback"] == ["failureThreshold": 3, "replicas": 1, "behavior": "currentReplicasIfHigher"])
    #expect(
      spec["triggers"].elements?.first?["metadata"]
        == ["scalerAddress": "scaler.kedastral:50051", "workload": "shop_web", "leadTime": "10m"])
    #expect(trial.actions(after: 1).applied == [])
    trial.store(first)
    for _ in 0..<100 { #expect(trial.actions(after: 5).applied == []) }
  }

  @Test("a status whose object was changed meanwhile is computed again soon")
  func statusConflict() throws {
    var trial = Trial()
    try trial.plan(3)
    trial.store(trial.actions())
    try trial.plan(7)
    #expect(trial.actions(after: 31).statuses.count == 1)
    trial.reconciler.statusWriteFailed(Policies.policy().key, isConflict: true)
    try trial.plan(8)
    #expect(trial.actions(after: 1).statuses.isEmpty)
    #expect(trial.actions(after: 5).statuses.count == 1)
    try trial.plan(9)
    trial.reconciler.statusWriteFailed(Policies.policy().key, isConflict: false)
    #expect(trial.actions(after: 6).statuses.isEmpty)
  }

  @Test("the trigger authenticates as the settings say, and then uses TLS")
  func authentication() throws {
    let policy = Policies.policy()
    var trial = Trial([policy])
    #expect(trial.workloads() == ["shop_web"])
    let body = try #require(trial.actions().applied.first)
    #expect(body["spec"]["triggers"].elements?.first?["authenticationRef"] == .null)
    let scaling = try PolicyScaling(policy)
    let workload = try PolicyTranslation(knownModels: ModelCatalog.names).workload(policy) { _ in
      DescribedSource(spec: Policies.source)
    }
    let secured = scaling.scaledObject(
      policy, workload, scalerAddress: "s:1", TriggerAuthentication(.clusterWide, name: "kedastral"))
    let trigger = try #require(secured["spec"]["triggers"].elements?.first)
    #expect(trigger["authenticationRef"] == ["name": "kedastral", "kind": "ClusterTriggerAuthentication"])
    #expect(trigger["metadata"]["enableTLS"] == "true")
    for (text, expected) in [
      ("one", TriggerAuthentication(name: "one")),
      ("ClusterTriggerAuthentication/one.two", TriggerAuthentication(.clusterWide, name: "one.two")),
    ] { #expect(try TriggerAuthentication(settingText: text) == expected) }
    for text in ["", "/", "Secret/one", "a/b/c", "TriggerAuthentication/", "One"] {
      #expect(throws: SettingValueError.self) { try TriggerAuthentication(settingText: text) }
    }
  }

  @Test("applies changes of the policy, and takes back what others changed in its own object")
  func drift() throws {
    var trial = Trial()
    trial.store(trial.actions())
    trial.reconciler.handle(
      .changed(
        Policies.policy(changes: [
          "capacity": ["minReplicas": 0, "maxReplicas": 7], "mode": "load", "fallback": ["enabled": false],
          "behavior": ["scaleDown": ["stabilizationWindowSeconds": 0]],
        ])), at: trial.now)
    let changed = trial.actions(after: 1)
    let spec = try #require(changed.applied.first)["spec"]
    #expect(spec["minReplicaCount"] == 0 && spec["maxReplicaCount"] == 7 && spec["pollingInterval"] == 15)
    #expect(spec["fallback"] == .null)
    #expect(spec["triggers"].elements?.first?["metadata"]["mode"] == "load")
    #expect(
      spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == ["scaleDown": ["stabilizationWindowSeconds": 0]])
    trial.store(changed)
    #expect(trial.actions(after: 1).applied == [])
    var edited = Trial.scaledObject(Policies.policy().key, try #require(changed.applied.first))
    edited.spec = edited.spec.merging(["maxReplicaCount": 50, "cooldownPeriod": 10])
    trial.reconciler.handle(.changed(edited))
    #expect(trial.actions(after: 1).contains { if case .apply(_, _, isOwn: true) = $0 { true } else { false } })
    edited.spec = edited.spec.merging(["maxReplicaCount": 7])
    trial.reconciler.handle(.changed(edited))
    #expect(trial.actions(after: 600).applied == [])
  }

  @Test("repeats a request that fails or does not help after a growing wait")
  func backsOff() {
    var trial = Trial()
    var sent = 0
    for _ in 0..<720 {
      let count = trial.actions(after: 5).applied.count
      sent += count
      if count > 0 {
        trial.reconciler.scalingRequestEnded(
          Policies.policy().key,
          error: KubernetesError(request: "PATCH x", reason: .refused(status: 422, reason: "Invalid", message: "no")))
      }
    }
    #expect((5...12).contains(sent), "\(sent)")
    let status = trial.actions(after: 60).statuses
    #expect(status.isEmpty)
  }

  @Test(
    "does not take over a ScaledObject or an autoscaler of others",
    arguments: ["same name", "same target", "autoscaler"])
  func conflict(_ kind: String) throws {
    var trial = Trial()
    let target: JSONValue = ["scaleTargetRef": ["apiVersion": "apps/v1beta1", "name": "web"]]
    let metadata = ObjectMetadata(name: kind == "same name" ? "web" : "theirs", namespace: "shop", uid: "x")
    if kind == "autoscaler" {
      trial.reconciler.handle(
        .changed(Autoscaler(metadata: metadata, spec: .init(scaleTargetRef: target["scaleTargetRef"]))))
    } else {
      trial.reconciler.handle(
        .changed(
          ScaledObject(metadata: metadata, spec: kind == "same name" ? ["scaleTargetRef": ["name": "b"]] : target)))
    }
    #expect(trial.workloads() == ["shop_web"])
    let actions = trial.actions()
    #expect(actions.applied == [])
    #expect(try #require(actions.statuses.first).condition("Ready").prefix(2) == ["False", "Conflict"])
    #expect(actions.events.map(\.reason) == ["Conflict"])
    #expect(trial.actions(after: 60).statuses.isEmpty)
    trial.reconciler.handle(ObjectFeed<ScaledObject>.Event.removed(metadata.key))
    trial.reconciler.handle(ObjectFeed<Autoscaler>.Event.removed(metadata.key))
    #expect(trial.actions(after: 1).applied.count == 1)
  }

  @Test("an autoscaler that KEDA created is not a conflict, and unknown autoscalers are a reason to wait")
  func autoscalers() throws {
    var trial = Trial()
    var metadata = ObjectMetadata(name: "keda-hpa-web", namespace: "shop")
    metadata.ownerReferences = [.init(apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "web", uid: "y")]
    trial.reconciler.handle(.changed(Autoscaler(metadata: metadata, spec: .init(scaleTargetRef: ["name": "web"]))))
    #expect(trial.actions().applied.count == 1)

    var reconciler = PolicyReconciler(
      .init(knownModels: ModelCatalog.names, scalerAddress: "s:1"), seesClusterSources: false)
    reconciler.handle(.listed(ObjectList(objects: [Policies.dataSource()])), at: trial.now)
    reconciler.handle(.listed(ObjectList(objects: [Policies.policy()])), at: trial.now)
    let error = KubernetesError(request: "GET /hpa", reason: .refused(status: 403, reason: "", message: "no"))
    reconciler.handle(ObjectFeed<ScaledObject>.Event.listed(ObjectList()))
    reconciler.handle(ObjectFeed<Autoscaler>.Event.interrupted(error))
    #expect(reconciler.reconcileWorkloads(at: trial.now)?.count == 1)
    let surroundings = PolicyReconciler.Surroundings(
      observe: { _ in .init() }, owns: { _, _ in true }, ownsSource: { _, _ in false })
    let first = reconciler.actions(surroundings, at: trial.now)
    #expect(first.applied == [] && first.statuses == [] && first.events.isEmpty)
    let later = reconciler.actions(surroundings, at: trial.now + 60)
    #expect(later.applied == [])
    #expect(try #require(later.statuses.first).condition("Ready").prefix(2) == ["Unknown", "ObjectsUnknown"])
  }

  @Test("of two policies for one target the older one scales it, unless the other does so already")
  func twoPolicies() throws {
    let old = Policies.policy("old", created: "2026-01-01T00:00:00Z")
    let new = Policies.policy("new", created: "2026-02-01T00:00:00Z")
    var trial = Trial([new, old])
    let actions = trial.actions()
    #expect(actions.applied.map { $0["metadata"]["name"] } == ["old"])
    #expect(actions.events.map(\.message) == ["The ForecastPolicy 'old' scales the Deployment 'web' already."])

    var other = Trial([new])
    other.store(other.actions())
    other.reconciler.handle(.changed(old), at: other.now)
    let later = other.actions(after: 1)
    #expect(later.applied == [])
    #expect(later.events.map(\.message) == ["The ForecastPolicy 'new' scales the Deployment 'web' already."])
  }

  @Test("a dry run has no ScaledObject, and one that is left to the user is not touched")
  func notManaged() {
    var trial = Trial()
    trial.store(trial.actions())
    trial.reconciler.handle(
      .changed(Policies.policy(changes: ["scaledObject": "none", "dryRun": true])), at: trial.now)
    #expect(trial.actions(after: 1).isEmpty)
    trial.reconciler.handle(.changed(Policies.policy(changes: ["dryRun": true])), at: trial.now)
    #expect(trial.actions(after: 1) == [.delete(Policies.policy().key, uid: "uid-so-web")])
    #expect(trial.actions(after: 1) == [])
    trial.reconciler.handle(ObjectFeed<ScaledObject>.Event.removed(Policies.policy().key))
    for _ in 0..<20 { #expect(trial.actions(after: 60).applied == []) }
  }

  @Test("an invalid policy says what is wrong, and its previous settings stay in use")
  func invalid() throws {
    var trial = Trial()
    try trial.plan(3)
    trial.store(trial.actions())
    trial.reconciler.handle(
      .changed(Policies.policy(changes: ["capacity": ["minReplicas": 101]])), at: trial.now)
    #expect(trial.workloads() == nil)
    let status = try #require(trial.actions(after: 60).statuses.first).condition("Ready")
    #expect(status.prefix(2) == ["False", "InvalidSpec"])
    #expect(status[2].hasPrefix("spec.capacity.minReplicas: the minimum 101"))
    #expect(status[2].hasSuffix("The previous settings stay in use."))
    trial.reconciler.handle(ObjectFeed<DataSource>.Event.removed(Policies.dataSource().key), at: trial.now)
    trial.reconciler.handle(.changed(Policies.policy()), at: trial.now)
    #expect(trial.workloads() == nil)
    #expect(
      try #require(trial.actions(after: 60).statuses.first).condition("Ready").prefix(2) == ["False", "SourceNotFound"])
  }

  @Test("a workload whose parts cannot be made is reported on its policy, and the others are forecast")
  func parts() throws {
    var trial = Trial([Policies.policy(), Policies.policy("api")])
    let workloads = trial.reconciler.reconcileWorkloads(
      check: { $0.name.text == "shop_web" ? "no such selector" : nil }, at: trial.now)
    #expect(workloads?.map(\.name.text) == ["shop_api"])
  }

  @Test("a workload of the file keeps its name")
  func reserved() throws {
    var trial = Trial()
    trial.reconciler.reserve([try WorkloadName("shop_web")])
    #expect(trial.workloads() == [])
    let actions = trial.actions()
    #expect(actions.applied == [])
    #expect(try #require(actions.statuses.first).condition("Ready").prefix(2) == ["False", "NameInUse"])
    trial.reconciler.reserve([])
    #expect(trial.workloads() == ["shop_web"])
  }

  @Test("the status has what the plan says")
  func status() throws {
    var trial = Trial()
    trial.store(trial.actions())
    try trial.plan(3)
    let actions = trial.actions(after: 10)
    let status = try #require(actions.statuses.first)
    #expect(status["workload"] == "shop_web" && status["scaledObjectName"] == "web" && status["desiredReplicas"] == 3)
    #expect(status["currentReplicas"] == .null && status["observedGeneration"] == 1)
    #expect(status["lastForecastTime"] == "2027-01-15T08:00:00Z")
    #expect(status.condition("Ready") == ["True", "Planned", "The plan is served."])
    #expect(status.condition("SourceReachable").prefix(2) == ["True", "SamplesReceived"])
    #expect(status.condition("Accurate").prefix(2) == ["Unknown", "NotMeasured"])
    #expect(status.condition("Capped").prefix(2) == ["False", "WithinLimits"])
    #expect(status.condition("Bridged").prefix(2) == ["False", "SamplesReceived"])
    #expect(actions.events.isEmpty)
  }

  @Test("the replicas of the status are those that the target's autoscaler sees")
  func currentReplicas() throws {
    var trial = Trial()
    trial.store(trial.actions())
    try trial.plan(9)
    var autoscaler = Autoscaler(
      metadata: ObjectMetadata(
        name: "keda-hpa-web", namespace: "shop",
        ownerReferences: [.init(apiVersion: "", kind: "ScaledObject", name: "web", uid: "u")]),
      spec: .init(scaleTargetRef: ["apiVersion": "apps/v1", "kind": "Deployment", "name": "web"]))
    autoscaler.status = .init(currentReplicas: 4)
    trial.reconciler.handle(.changed(autoscaler))
    let actions = trial.actions(after: 10)
    #expect(actions.statuses.first?["currentReplicas"] == 4 && actions.statuses.first?["desiredReplicas"] == 9)
    autoscaler.status = .init(currentReplicas: 9)
    trial.reconciler.handle(.changed(autoscaler))
    #expect(trial.actions(after: 31).statuses.first?["currentReplicas"] == 9)
  }

  @Test("without an autoscaler the replicas are read from the target, once a minute, and old ones do not count")
  func readReplicas() throws {
    var trial = Trial([Policies.policy(changes: ["dryRun": true])], sources: [Policies.dataSource()])
    let key = ObjectKey(namespace: "shop", name: "web")
    func reads(_ actions: [PolicyReconciler.Action]) -> Int {
      actions.count { if case .readReplicas(key, _) = $0 { true } else { false } }
    }
    try trial.plan(9)
    #expect(reads(trial.actions()) == 1)
    trial.reconciler.replicasRead(key, 6, at: trial.now)
    try trial.plan(9)
    let status = trial.actions(after: 31)
    #expect(reads(status) == 0 && status.statuses.first?["currentReplicas"] == 6)
    #expect(reads(trial.actions(after: 30)) == 1)
    for _ in 0..<20 {
      trial.reconciler.replicasRead(key, nil, at: trial.now)
      _ = trial.actions(after: 60)
    }
    #expect(reads(trial.actions(after: 1)) == 0)
    try trial.plan(8)
    #expect(trial.actions(after: 31).statuses.first?["currentReplicas"] == .null)
  }

  @Test("the replicas that another process has written stay until this one has read the target, or cannot")
  func replicasOfBefore() throws {
    var policy = Policies.policy(changes: ["dryRun": true])
    policy.status = ["currentReplicas": 6, "desiredReplicas": 3]
    var trial = Trial([policy])
    try trial.plan(9)
    #expect(trial.actions(after: 10).statuses.first?["currentReplicas"] == 6)
    trial.reconciler.replicasRead(policy.key, nil, at: trial.now)
    try trial.plan(8)
    #expect(trial.actions(after: 31).statuses.first?["currentReplicas"] == .null)
    var silent = Trial([policy])
    try silent.plan(9)
    _ = silent.actions()
    try silent.plan(9)
    #expect(silent.actions(after: 301).statuses.first?["currentReplicas"] == .null)
  }

  @Test("reading the replicas of many targets costs one request in four seconds")
  func manyReads() {
    let policies = (0..<300).map {
      Policies.policy("w\($0)", changes: ["dryRun": true, "scaleTargetRef": ["name": .string("w\($0)")]])
    }
    var trial = Trial(policies, sources: [Policies.dataSource()])
    var reads = 0
    for _ in 0...120 {
      for case .readReplicas(let key, _) in trial.actions(after: 5) {
        reads += 1
        trial.reconciler.replicasRead(key, 1, at: trial.now)
      }
    }
    #expect((150...175).contains(reads))
  }

  @Test("a plan that becomes capped or bridged is an event, and so is the end of that, but not more often than allowed")
  func planEvents() throws {
    var trial = Trial()
    trial.store(trial.actions())
    func plan(isCapped: Bool, bridgedFor: Double? = nil) throws {
      let (workload, now) = (try WorkloadName("shop_web"), trial.now)
      var snapshot = try Snapshot(
        workload: workload, metric: "rps", generatedAt: now, step: .seconds(60), horizon: .seconds(1800),
        values: Array(repeating: 250, count: 30), desiredReplicas: Array(repeating: 3, count: 30),
        requiredReplicas: Array(repeating: isCapped ? 9 : 3, count: 30))
      snapshot.newestSampleAt = now
      snapshot.bridgedUntil = bridgedFor.map { now + $0 }
      trial.observations[workload] = PlanObservation(snapshot: snapshot)
    }
    try plan(isCapped: false)
    #expect(trial.actions(after: 10).events.isEmpty)
    try plan(isCapped: true)
    let capped = trial.actions(after: 40).events
    #expect(capped.map(\.reason) == ["LimitReached"] && capped[0].type == .warning)
    // It ends, and begins again, sooner than events may follow each other.
    try plan(isCapped: false)
    #expect(trial.actions(after: 40).events.isEmpty)
    try plan(isCapped: true)
    #expect(trial.actions(after: 40).events.isEmpty)
    trial.now += 600
    try plan(isCapped: false, bridgedFor: 900)
    let later = trial.actions(after: 40).events
    #expect(later.map(\.reason) == ["WithinLimits", "NoSamples"] && later.map(\.type) == [.normal, .warning])
    trial.now += 600
    try plan(isCapped: false)
    #expect(trial.actions(after: 40).events.map(\.reason) == ["SamplesReceived"])
  }

  @Test("a policy whose ScaledObject is left to the user needs no right on ScaledObjects")
  func withoutRights() throws {
    var trial = Trial([Policies.policy(changes: ["scaledObject": "none"])])
    var reconciler = PolicyReconciler(
      .init(knownModels: ModelCatalog.names, scalerAddress: "s:1"), seesClusterSources: false)
    reconciler.handle(.listed(ObjectList(objects: [Policies.dataSource()])), at: trial.now)
    reconciler.handle(
      .listed(ObjectList(objects: [Policies.policy(changes: ["scaledObject": "none"])])), at: trial.now)
    let error = KubernetesError(request: "GET /x", reason: .refused(status: 403, reason: "", message: "no"))
    reconciler.handle(ObjectFeed<ScaledObject>.Event.interrupted(error))
    reconciler.handle(ObjectFeed<Autoscaler>.Event.interrupted(error))
    #expect(reconciler.reconcileWorkloads(at: trial.now)?.count == 1)
    try trial.plan(3)
    let actions = reconciler.actions(
      .init(
        observe: { [observations = trial.observations] in observations[$0] ?? .init() }, owns: { _, _ in true },
        ownsSource: { _, _ in false }), at: trial.now)
    #expect(actions.applied == [])
    #expect(try #require(actions.statuses.first).condition("Ready").prefix(2) == ["True", "Planned"])
  }

  @Test("a failing source is reported with its error and one event, and so is its recovery")
  func failingSource() throws {
    var trial = Trial()
    try trial.plan(3)
    trial.store(trial.actions())
    let name = try WorkloadName("shop_web")
    trial.observations[name]?.problem = WorkloadProblem(
      stage: .collect, text: "HTTP 503", since: trial.now, failures: 1)
    let failed = trial.actions(after: 40)
    #expect(try #require(failed.statuses.first).condition("SourceReachable") == ["False", "RequestFailed", "HTTP 503"])
    #expect(failed.events.map(\.reason) == ["RequestFailed"])
    #expect(trial.actions(after: 40).events.isEmpty)
    let stale = trial.actions(after: 400)
    #expect(try #require(stale.statuses.first).condition("Ready").prefix(2) == ["False", "Stale"])
    #expect(stale.events.map(\.reason) == ["Stale"])
    try trial.plan(4)
    let well = trial.actions(after: 40)
    #expect(well.events.map(\.reason) == ["Planned"])
    #expect(try #require(well.statuses.first).condition("Ready").prefix(2) == ["True", "Planned"])
  }

  @Test("writes nothing when nothing has changed, and one status each 30 s at most")
  func rate() throws {
    var trial = Trial()
    trial.store(trial.actions())
    try trial.plan(3)
    #expect(trial.actions(after: 30).statuses.count == 1)
    for _ in 0..<80 { #expect(trial.actions(after: 1).statuses.isEmpty) }
    var writes = 0
    for second in 0..<300 {
      try trial.plan(3 + second % 2)
      writes += trial.actions(after: 1).statuses.count
    }
    #expect((9...11).contains(writes), "\(writes)")
  }

  @Test("a restarted process does not write the status that is there already")
  func restart() throws {
    var trial = Trial()
    trial.store(trial.actions())
    try trial.plan(3)
    let status = try #require(trial.actions(after: 30).statuses.first)
    var policy = Policies.policy()
    policy.status = status
    var second = Trial([policy])
    second.now = trial.now
    second.observations = trial.observations
    let body = try #require(second.actions().applied.first)
    second.reconciler.handle(.changed(Trial.scaledObject(policy.key, body)))
    let later = second.actions(after: 1)
    #expect(later.applied == [] && later.statuses == [])
  }

  @Test("many policies whose numbers change always cost one status per second together")
  func budget() throws {
    let policies = (0..<300).map { Policies.policy("w\($0)", changes: ["scaleTargetRef": ["name": .string("w\($0)")]]) }
    var trial = Trial(policies)
    trial.store(trial.actions())
    func planAll(_ replicas: Int) throws { for index in 0..<300 { try trial.plan(replicas, of: "shop_w\(index)") } }
    try planAll(1)
    #expect(trial.actions(after: 40).statuses.count == 300)
    var writes = 0
    for round in 0..<60 {
      try planAll(2 + round % 3)
      writes += trial.actions(after: 5).statuses.count
    }
    #expect((280...325).contains(writes), "\(writes)")
  }

  @Test("that the accuracy of many policies becomes known costs one status per second together, and a bad one is news")
  func accuracy() throws {
    var trial = Trial(
      (0..<500).map { Policies.policy("web\($0)", changes: ["scaleTargetRef": ["name": .string("w\($0)")]]) })
    for index in 0..<500 { try trial.plan(3, of: "shop_web\(index)") }
    trial.store(trial.actions())
    _ = trial.actions(after: 31)
    var count = 0
    for _ in 0..<60 {
      for index in 0..<500 { try trial.plan(3, of: "shop_web\(index)", error: 0.1) }
      count += trial.actions(after: 1).statuses.count
    }
    #expect((40...81).contains(count), "\(count)")
    try trial.plan(3, of: "shop_web499", error: 3)
    let news = trial.actions(after: 31).statuses.filter { $0.condition("Accurate")[1] == "ErrorAboveLimit" }
    #expect(news.count == 1)
  }

  @Test("the accuracy that was measured before a restart counts until it is measured again, for a quarter of an hour")
  func accuracyAfterRestart() throws {
    var trial = Trial()
    try trial.plan(3, error: 0.2)
    trial.store(trial.actions())
    let written = try #require(trial.actions(after: 31).statuses.last)
    #expect(written.condition("Accurate").prefix(2) == ["True", "ErrorWithinLimit"])
    var restarted = Policies.policy()
    restarted.status = written
    var next = Trial([restarted])
    try next.plan(3)
    next.store(next.actions())
    #expect(next.actions(after: 31).statuses.allSatisfy { $0.condition("Accurate")[0] == "True" })
    try next.plan(3, error: 2)
    #expect(next.actions(after: 31).statuses.first?.condition("Accurate").prefix(2) == ["False", "ErrorAboveLimit"])
    var later = Trial([restarted])
    _ = later.actions()
    later.now += 901
    try later.plan(3)
    #expect(later.actions().statuses.first?.condition("Accurate").prefix(2) == ["Unknown", "NotMeasured"])
  }

  @Test("only the owner writes; the time of a transition is kept by the next owner")
  func ownership() throws {
    var trial = Trial()
    trial.owns = false
    try trial.plan(3)
    #expect(trial.workloads() == ["shop_web"])
    #expect(trial.actions(after: 60) == [])
    trial.owns = true
    let since = KubernetesTime.text(trial.now - 3600)
    var policy = Policies.policy()
    policy.status = [
      "conditions": [
        ["type": "Ready", "status": "True", "reason": "DryRun", "message": "", "lastTransitionTime": .string(since)],
        [
          "type": "Audited", "status": "True", "reason": "ByOthers", "message": "",
          "lastTransitionTime": .string(since),
        ],
      ]
    ]
    trial.reconciler.handle(.changed(policy), at: trial.now)
    let status = try #require(trial.actions(after: 60).statuses.first)
    let conditions = try #require(status["conditions"].elements)
    #expect(conditions.first { $0["type"].text == "Ready" }?["lastTransitionTime"].text == since)
    #expect(conditions.contains { $0["type"].text == "Audited" })
  }

  @Test("a policy that is not forecast yet has no status for some seconds")
  func starting() throws {
    var trial = Trial()
    trial.store(trial.actions())
    #expect(trial.actions(after: 5).statuses == [])
    // First rounds of many workloads are spread over their interval of 30 s.
    #expect(trial.actions(after: 30).statuses == [])
    #expect(
      try #require(trial.actions(after: 5).statuses.first).condition("Ready").prefix(2) == ["Unknown", "Starting"])
  }

  @Test("Secrets of used sources are read by name, again after some time, and before the workload is forecast")
  func credentials() throws {
    let references: JSONValue = ["secretRefs": ["token": ["name": "prom", "key": "t"]]]
    let reference = SourceReference(Policies.dataSource())
    var trial = Trial(sources: [
      Policies.dataSource("prometheus", Policies.source.merging(references)),
      Policies.dataSource("unused", Policies.source.merging(references)),
    ])
    #expect(trial.workloads() == [])
    let expected: JSONValue = ["secretRefs": references["secretRefs"], "configMapRef": .null]
    #expect(
      trial.actions().filter { if case .readCredentials = $0 { true } else { false } } == [
        .readCredentials(reference, expected)
      ])
    #expect(!trial.actions(after: 1).contains(.readCredentials(reference, expected)))
    let error = KubernetesError(request: "GET x", reason: .unexpectedAnswer("there is no Secret 'prom'"))
    trial.reconciler.credentialsRead(reference, of: expected, .failure(error))
    let failed = trial.actions(after: 30)
    #expect(failed.contains(.readCredentials(reference, expected)))
    #expect(
      try #require(failed.statuses.first).condition("Ready").prefix(2) == ["False", "CredentialsNotFound"])
    trial.reconciler.credentialsRead(reference, of: expected, .success(SourceCredentials(token: Secret("a"))))
    #expect(trial.workloads() == ["shop_web"])
    trial.reconciler.credentialsRead(reference, of: expected, .success(SourceCredentials(token: Secret("a"))))
    #expect(trial.workloads() == nil)
    trial.reconciler.credentialsRead(reference, of: expected, .success(SourceCredentials(token: Secret("b"))))
    #expect(trial.workloads() == ["shop_web"])
    trial.reconciler.credentialsRead(reference, of: expected, .failure(error))
    #expect(trial.workloads() == nil)
  }
}
