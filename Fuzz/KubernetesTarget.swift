import FoundationEssentials
import KedastralCore
import KedastralModels
import KedastralRedisStore

@testable import KedastralDaemon
@testable import KedastralKubernetes
@testable import KedastralSources

/// What an API server answers: lists, watches, refusals, leases; and a kubeconfig. What the reconciler makes of the objects is demanded.
func fuzzKubernetes(_ bytes: [UInt8]) {
  guard let kind = bytes.first else { return }
  let body = Array(bytes.dropFirst())
  switch kind % 5 {
  case 0: fuzzLists(body)
  case 1: fuzzWatch(body)
  case 2: fuzzRefusal(body)
  case 3: fuzzLease(body)
  default:
    guard let kubeconfig = try? JSONDecoder().decode(Kubeconfig.self, from: Data(body)) else { return }
    _ = try? kubeconfig.access(folder: "/tmp")
  }
}

private let start = Date(timeIntervalSince1970: 1_800_000_000)

private func reconciler() -> PolicyReconciler {
  PolicyReconciler(.init(knownModels: ModelCatalog.names, scalerAddress: "scaler:50051"))
}

/// Lists of each type, each on its line, in the order policies, sources, ScaledObjects, autoscalers, pods; then a scale.
private func fuzzLists(_ body: [UInt8]) {
  let parts = body.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
  func list<Object: KubernetesObject>(_ index: Int) -> ObjectFeed<Object>.Event {
    var list = ObjectList<Object>()
    if index < parts.count, let page = try? JSONDecoder().decode(ObjectPage<Object>.self, from: Data(parts[index])) {
      list.add(page)
    }
    return .listed(list)
  }
  var reconciler = reconciler()
  reconciler.handle(list(0) as ObjectFeed<ForecastPolicy>.Event, at: start)
  reconciler.handle(list(1) as ObjectFeed<DataSource>.Event, at: start)
  reconciler.handle(list(1) as ObjectFeed<ClusterDataSource>.Event, at: start)
  reconciler.handle(list(2) as ObjectFeed<ScaledObject>.Event)
  reconciler.handle(list(3) as ObjectFeed<Autoscaler>.Event)
  check(&reconciler)
  if case .listed(let pods) = list(4) as ObjectFeed<Pod>.Event {
    var startups = PodStartups()
    startups.note(pods.objects, at: start)
    demand(startups.seconds.count <= pods.objects.count, "more start-ups than pods")
    _ = pods.objects.count { $0.isRunning && $0.isReady }
  }
  if parts.count > 5, let scale = try? JSONDecoder().decode(ObjectScale.self, from: Data(parts[5])) {
    demand(scale.selector != "", "an empty selector")
    demand(RunningPods(replicas: scale.replicas ?? 0).bounded >= 0, "fewer pods than none")
  }
}

/// A watch of policies, cut in two, over a source that is there.
private func fuzzWatch(_ body: [UInt8]) {
  guard let first = body.first else { return }
  let stream = Array(body.dropFirst())
  let cut = stream.count * Int(first) / 256
  var reconciler = reconciler()
  reconciler.handle(ObjectFeed<ForecastPolicy>.Event.listed(ObjectList()), at: start)
  let source = DataSource(
    metadata: ObjectMetadata(name: "prometheus", namespace: "shop"),
    spec: ["type": "prometheus", "config": ["url": "http://prometheus:9090", "query": "sum(rps)"]])
  reconciler.handle(.listed(ObjectList(objects: [source])), at: start)
  reconciler.handle(ObjectFeed<ClusterDataSource>.Event.listed(ObjectList()), at: start)
  reconciler.handle(ObjectFeed<ScaledObject>.Event.listed(ObjectList()))
  reconciler.handle(ObjectFeed<Autoscaler>.Event.listed(ObjectList()))
  var splitter = LineSplitter(limit: 1 << 16)
  for piece in [Array(stream.prefix(cut)), Array(stream.dropFirst(cut))] {
    for line in (try? splitter.lines(adding: piece)) ?? [] {
      switch try? JSONDecoder().decode(WatchEvent<ForecastPolicy>.self, from: Data(line)) {
      case .changed(.readable(let policy), _): reconciler.handle(.changed(policy), at: start)
      case .changed(.unreadable(let object), _):
        reconciler.handle(ObjectFeed<ForecastPolicy>.Event.unreadable(object), at: start)
      case .deleted(let key, _): reconciler.handle(ObjectFeed<ForecastPolicy>.Event.removed(key), at: start)
      case .failed(let reason): _ = "\(KubernetesError(request: "GET", reason: reason))"
      case .bookmark, nil: break
      }
      _ = try? JSONDecoder().decode(WatchEvent<ScaledObject>.self, from: Data(line))
      _ = try? JSONDecoder().decode(WatchEvent<Autoscaler>.self, from: Data(line))
    }
  }
  check(&reconciler)
}

private func fuzzRefusal(_ body: [UInt8]) {
  guard let status = try? JSONDecoder().decode(StatusAnswer.self, from: Data(body)) else { return }
  let error = KubernetesError(request: "GET /api", reason: status.refusal(status: 500))
  demand(!error.description.isEmpty, "a refusal without a text")
}

/// A Lease of the operators: two members of which one writes it.
private func fuzzLease(_ body: [UInt8]) {
  let lease = try? JSONDecoder().decode(Lease.self, from: Data(body))
  let key = ObjectKey(namespace: "kedastral", name: "kedastral-operator")
  var roll = LeaseRoll(member: "me", timeToLive: .seconds(12))
  var state = MembershipState(member: "me", timeToLive: .seconds(12))
  let clock = ContinuousClock.now
  var stored = lease
  for now in [0, 5000, 20_000] {
    let renewal = roll.renewal(of: stored, key: key, at: now, time: start)
    roll.noteWritten(renewal)
    state.renewed(renewal.reply, sentAt: clock + .milliseconds(now))
    stored = renewal.lease
    _ = roll.withdrawal(from: renewal.lease, at: start)
  }
  demand(
    state.shard(at: clock + .seconds(20)).members == ["me"], "a member that never renews is not forgotten")
}

/// What holds whatever the objects are: names are unique, requests are for objects that are known, and nothing is requested twice.
private func check(_ reconciler: inout PolicyReconciler) {
  let surroundings = PolicyReconciler.Surroundings(
    observe: { _ in PlanObservation() }, owns: { _, _ in true }, ownsSource: { _, _ in true })
  let workloads = reconciler.reconcileWorkloads(at: start) ?? []
  demand(Set(workloads.map(\.name)).count == workloads.count, "two workloads with one name")
  demand(
    workloads.allSatisfy { $0.policy.minReplicas >= 0 && $0.policy.minReplicas <= $0.policy.maxReplicas },
    "limits that exclude each other")
  var sent: [PolicyReconciler.Action] = []
  for now in [start, start, start + 60] {
    for action in reconciler.actions(surroundings, at: now) {
      demand(now > start || !sent.contains(action), "the same request twice at one time")
      sent.append(action)
      guard case .apply(let key, let body, _) = action else { continue }
      demand(workloads.contains { WorkloadName(policy: key) == $0.name }, "a ScaledObject of no workload")
      demand(body["metadata"]["name"].text == key.name, "an object under another name")
    }
  }
}
