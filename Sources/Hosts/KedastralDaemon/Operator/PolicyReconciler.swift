import KedastralCore
import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decides what is to be done for the policies of a cluster: objects and plans go in, workloads and requests come out.
///
/// It is a value without I/O. ``reconcileWorkloads(check:at:)`` says what to forecast, and ``actions(_:at:)`` what to request from the
/// API server. Both return little when little has changed.
struct PolicyReconciler: Sendable {
  /// What does not change while the process runs.
  struct Settings: Sendable {
    var knownModels: [String]
    /// Where KEDA reaches the scaler.
    var scalerAddress: String
    /// With what it authenticates there; nil for plain text.
    var authentication: TriggerAuthentication?
    /// The age from which a plan is not served.
    var staleAfter = Duration.seconds(120)
    /// The shortest time between two writes of one policy's status.
    var statusInterval = Duration.seconds(30)
    /// How soon a status is written again whose object had been changed.
    var conflictInterval = Duration.seconds(5)
    /// How long a status without news may lack the newest load and time.
    var refreshInterval = Duration.seconds(60)
    /// Status writes per second for new numbers, of all policies together.
    var numbersPerSecond = 1.0
    /// How long a new policy may go without a status, so that the first one is not out of date at once.
    var startGrace = Duration.seconds(20)
    /// How `minReplicas` of autoscalers is written.
    var minimums = RaisedMinimums.Settings()
    /// The shortest time between two events about the same aspect of a plan, which can change often.
    var planEventInterval = Duration.seconds(600)
    /// When Secrets are read again.
    var credentialsInterval = Duration.seconds(300)
    /// The shortest wait after something failed; it doubles.
    var retryInterval = Duration.seconds(10)
    var longestRetryInterval = Duration.seconds(600)
  }

  /// A request to the API server.
  enum Action: Sendable, Equatable {
    /// Create or change the ScaledObject of a policy. An object that is the policy's own may be taken back from other managers.
    case apply(ObjectKey, JSONValue, isOwn: Bool)
    /// Delete the ScaledObject of a policy, which has this identity.
    case delete(ObjectKey, uid: String)
    /// Raise `minReplicas` of an autoscaler, or give it back.
    case changeMinimum(Autoscaler, Autoscaler.Change)
    /// Change a policy's status, if its object still has the version from which the change was computed.
    case status(ObjectKey, JSONValue, version: String?)
    case sourceStatus(SourceReference, JSONValue, version: String?)
    /// The same for a HeadroomPolicy.
    case headroomStatus(ObjectKey, JSONValue, version: String?)
    case event(ObjectEvent)
    case readCredentials(SourceReference, JSONValue)
    /// Read how many replicas the target of a policy has.
    case readReplicas(ObjectKey, PodTarget)
  }

  /// What this process observes, and for which policies it acts.
  struct Surroundings {
    var observe: (WorkloadName) -> PlanObservation
    /// Whether this process writes for a policy, which may have a workload.
    var owns: (ObjectKey, WorkloadName?) -> Bool
    /// Whether this process writes the status of a source; the workload is that of the first policy that uses it.
    var ownsSource: (SourceReference, WorkloadName?) -> Bool
  }

  /// What is remembered of a policy.
  fileprivate struct Entry {
    var policy: ForecastPolicy
    var seenAt: Date
    var references: Set<SourceReference> = []
    var workload: WorkloadConfiguration?
    var scaling: PolicyScaling?
    /// Why the settings are not what the policy says.
    var problem: PolicyTranslation.Problem?
    var written: PolicyStatus?
    var writtenAt: Date?
    /// When the latest event about the plan was sent, by what it is about.
    var planEventAt: [PolicyCondition.Kind: Date] = [:]
    var apply = RequestAttempt()
  }

  private struct Credentials {
    var references: JSONValue
    var result: Result<SourceCredentials, PolicyTranslation.Problem>?
    var requestedAt: Date?
    var failures = 0
  }

  let settings: Settings
  private let translation: PolicyTranslation
  private var entries: [ObjectKey: Entry] = [:]
  private var changed: Set<ObjectKey> = []
  private var sources: [SourceReference: JSONValue] = [:]
  private var sourceStatuses = SourceStatuses()
  private var changedSources: Set<SourceReference> = []
  /// What is wrong with sources themselves.
  private var sourceProblems: [SourceReference: PolicyTranslation.Problem] = [:]
  private var credentials: [SourceReference: Credentials] = [:]
  private var scaledObjects: [ObjectKey: ScaledObject] = [:]
  private var minimums: RaisedMinimums
  private var targetReplicas = TargetReplicas()
  private var headroom = HeadroomPolicies()
  private var listed: Set<String> = []
  /// The types that could not be listed, and why.
  private var interruptions: [String: String] = [:]
  /// The types that the API server does not have.
  private var absent: Set<String> = []
  private var reserved: Set<WorkloadName> = []
  private var hasNewWorkloads = false
  /// For statuses of which only numbers have changed.
  private var numberTokens: TokenBucket
  /// Whether there are ClusterDataSources for this process.
  private let seesClusterSources: Bool

  /// - Parameter seesClusterSources: whether ClusterDataSources are read; a process of one namespace does not.
  init(_ settings: Settings, seesClusterSources: Bool = true) {
    self.settings = settings
    self.seesClusterSources = seesClusterSources
    translation = PolicyTranslation(knownModels: settings.knownModels)
    minimums = RaisedMinimums(settings.minimums)
    numberTokens = TokenBucket(rate: settings.numbersPerSecond, burst: 20)
  }

  /// Whether the policies and their sources have been listed: before that nothing is known to be missing.
  var isComplete: Bool {
    listed.isSuperset(of: [ForecastPolicy.resource.plural, DataSource.resource.plural])
      && (!seesClusterSources || listed.contains(ClusterDataSource.resource.plural))
  }

  /// Why objects could not be listed yet; nil when they are.
  var missingLists: String? {
    if isComplete { return nil }
    let errors = interruptions.filter { !listed.contains($0.key) }.sorted { $0.key < $1.key }.map(\.value)
    return errors.first ?? "the policies have not been listed yet"
  }

  /// The number of policies, by whether they have a workload.
  var counts: (valid: Int, invalid: Int) {
    let valid = entries.values.count { $0.problem == nil }
    return (valid, entries.count - valid)
  }

  /// Sets the names of the workloads that do not come from policies.
  mutating func reserve(_ names: Set<WorkloadName>) {
    guard names != reserved else { return }
    reserved = names
    hasNewWorkloads = true
  }

  // MARK: Objects

  mutating func handle(_ event: ObjectFeed<ForecastPolicy>.Event, at now: Date) {
    switch event {
    case .listed(let list):
      listed.insert(ForecastPolicy.resource.plural)
      let keys = Set(list.objects.map(\.key)).union(list.unreadable.compactMap(\.key))
      for key in entries.keys where !keys.contains(key) { removePolicy(key) }
      for policy in list.objects { set(policy, at: now) }
      hasNewWorkloads = true
    case .changed(let policy): set(policy, at: now)
    case .unreadable: break
    case .removed(let key): removePolicy(key)
    case .interrupted(let error): interruptions[ForecastPolicy.resource.plural] = "\(error)"
    }
  }

  mutating func handle(_ event: ObjectFeed<DataSource>.Event, at now: Date) { handleSources(event, at: now) }

  mutating func handle(_ event: ObjectFeed<ClusterDataSource>.Event, at now: Date) { handleSources(event, at: now) }

  private mutating func handleSources<Source: SourceObject>(_ event: ObjectFeed<Source>.Event, at now: Date) {
    switch event {
    case .listed(let list):
      let listedReferences = Set(list.objects.map { SourceReference($0) })
      for reference in sources.keys
      where reference.isClusterWide == Source.isClusterWide && !listedReferences.contains(reference) {
        set(reference, nil)
      }
      for source in list.objects { set(source, at: now) }
      listed.insert(Source.resource.plural)
    case .changed(let source): set(source, at: now)
    case .unreadable: break
    case .removed(let key): set(SourceReference(Source.self, key), nil)
    case .interrupted(let error): interruptions[Source.resource.plural] = "\(error)"
    }
  }

  mutating func handle(_ event: ObjectFeed<ScaledObject>.Event) {
    switch event {
    case .listed(let list):
      scaledObjects = Dictionary(list.objects.map { ($0.key, $0) }) { $1 }
      listed.insert(ScaledObject.resource.plural)
      absent.remove(ScaledObject.resource.plural)
    case .changed(let object): scaledObjects[object.key] = object
    case .unreadable: break
    case .removed(let key): scaledObjects[key] = nil
    case .interrupted(let error):
      interruptions[ScaledObject.resource.plural] = "\(error)"
      // KEDA is not installed.
      if error.status == 404 { absent.insert(ScaledObject.resource.plural) }
    }
  }

  mutating func handle(_ event: ObjectFeed<Autoscaler>.Event) {
    switch event {
    case .listed(let list):
      minimums.replaceAll(list.objects)
      listed.insert(Autoscaler.resource.plural)
    case .changed(let object): minimums.set(object)
    case .unreadable: break
    case .removed(let key): minimums.remove(key)
    case .interrupted(let error): interruptions[Autoscaler.resource.plural] = "\(error)"
    }
  }

  mutating func handle(_ event: ObjectFeed<HeadroomPolicy>.Event) { headroom.handle(event) }

  private mutating func set(_ policy: ForecastPolicy, at now: Date) {
    guard policy.metadata.deletionTimestamp == nil else { return removePolicy(policy.key) }
    guard let old = entries[policy.key], old.policy.metadata.uid == policy.metadata.uid else {
      entries[policy.key] = Entry(policy: policy, seenAt: now)
      changed.insert(policy.key)
      return
    }
    if old.policy.spec != policy.spec { changed.insert(policy.key) }
    entries[policy.key]?.policy = policy
  }

  private mutating func removePolicy(_ key: ObjectKey) {
    guard let entry = entries.removeValue(forKey: key) else { return }
    changed.remove(key)
    targetReplicas.remove(key)
    if entry.workload != nil { hasNewWorkloads = true }
  }

  private mutating func set(_ source: some SourceObject, at now: Date) {
    let reference = SourceReference(source)
    set(reference, source.spec)
    sourceStatuses.note(reference, source.metadata, source.status, at: now)
  }

  private mutating func set(_ reference: SourceReference, _ spec: JSONValue?) {
    if spec == nil { sourceStatuses.remove(reference) }
    guard sources[reference] != spec else { return }
    sources[reference] = spec
    sourceProblems[reference] = nil
    changedSources.insert(reference)
    let references = Self.references(of: spec)
    if references == nil {
      credentials[reference] = nil
    } else if let references, credentials[reference]?.references != references {
      credentials[reference] = Credentials(references: references)
    }
    noteChange(of: reference)
  }

  private mutating func noteChange(of reference: SourceReference) {
    for (key, entry) in entries where entry.references.contains(reference) { changed.insert(key) }
  }

  /// The Secrets and the ConfigMap that a source refers to; nil when there are none.
  private static func references(of spec: JSONValue?) -> JSONValue? {
    guard let spec else { return nil }
    let secrets = spec["secretRefs"].members ?? [:]
    guard !secrets.isEmpty || spec["configMapRef"] != .null else { return nil }
    return .object(["secretRefs": .object(secrets), "configMapRef": spec["configMapRef"]])
  }

  // MARK: Workloads

  /// The workloads to forecast, when they are others than before; nil when they are the same.
  ///
  /// - Parameter check: why a workload cannot be made of its settings; nil when it can.
  mutating func reconcileWorkloads(
    check: (WorkloadConfiguration) -> String? = { _ in nil }, at now: Date
  ) -> [WorkloadConfiguration]? {
    guard isComplete else { return nil }
    for reference in changedSources {
      guard let spec = sources[reference] else { continue }
      let source = (try? describe(reference)) ?? DescribedSource(spec: spec)
      sourceProblems[reference] = translation.problem(of: reference, source, check: check)
    }
    changedSources = []
    for key in changed.sorted(by: { "\($0)" < "\($1)" }) { translate(key, check) }
    changed = []
    guard hasNewWorkloads else { return nil }
    hasNewWorkloads = false
    return entries.values.compactMap(\.workload).filter { !reserved.contains($0.name) }.sorted { $0.name < $1.name }
  }

  private mutating func translate(_ key: ObjectKey, _ check: (WorkloadConfiguration) -> String?) {
    guard var entry = entries[key] else { return }
    var references: Set<SourceReference> = []
    do throws(PolicyTranslation.Problem) {
      let scaling = try PolicyScaling(entry.policy)
      let workload = try translation.workload(entry.policy) { reference throws(PolicyTranslation.Problem) in
        references.insert(reference)
        return try describe(reference)
      }
      if let problem = check(workload) { throw PolicyTranslation.Problem(texts: ["spec: \(problem)"]) }
      if entry.workload != workload { hasNewWorkloads = true }
      (entry.workload, entry.scaling, entry.problem) = (workload, scaling, nil)
    } catch {
      // The previous settings stay in use, as with a file that becomes invalid.
      entry.problem = error
    }
    entry.references = references
    entries[key] = entry
  }

  private func describe(_ reference: SourceReference) throws(PolicyTranslation.Problem) -> DescribedSource {
    guard let spec = sources[reference] else {
      let hint = reference.isClusterWide && !seesClusterSources ? "; this process reads one namespace alone" : ""
      throw PolicyTranslation.Problem(kind: .sourceNotFound, texts: ["there is no \(reference)\(hint)"])
    }
    guard let credentials = credentials[reference] else { return DescribedSource(spec: spec) }
    switch credentials.result {
    case .success(let credentials): return DescribedSource(spec: spec, credentials: credentials)
    case .failure(let problem): throw problem
    case nil:
      throw PolicyTranslation.Problem(
        kind: .credentialsUnread, texts: ["the Secrets of the \(reference) have not been read yet"])
    }
  }

  /// Notes what a source's Secrets contain, or why they cannot be read.
  mutating func credentialsRead(
    _ reference: SourceReference, of references: JSONValue, _ result: Result<SourceCredentials, KubernetesError>
  ) {
    guard var known = credentials[reference], known.references == references else { return }
    switch result {
    case .success(let value):
      known.failures = 0
      if case .success(value)? = known.result { break }
      known.result = .success(value)
      changedSources.insert(reference)
      noteChange(of: reference)
    case .failure(let error):
      known.failures += 1
      // What was read before stays in use.
      if case .success? = known.result { break }
      known.result = .failure(
        PolicyTranslation.Problem(kind: .credentialsNotFound, texts: ["\(reference): \(error)"]))
      noteChange(of: reference)
    }
    credentials[reference] = known
  }

  // MARK: Requests

  /// The requests to the API server that are due.
  mutating func actions(_ surroundings: Surroundings, at now: Date) -> [Action] {
    guard isComplete else { return [] }
    numberTokens.refill(at: now)
    targetReplicas.refill(at: now)
    var actions = credentialActions(at: now)
    let claims = Claims(
      entries.values.filter { $0.isScaling || $0.isRaising }.map { ($0.policy, $0.scaling?.target) }, scaledObjects,
      minimums)
    let foreign = Foreign(scaledObjects, minimums)
    var wishes: [ScaleTarget: (policy: ObjectKey, wish: RaisedMinimums.Wish)] = [:]
    var waiting: [(ObjectKey, PolicyStatus, PolicyStatus.Difference)] = []
    var uses: [SourceReference: [SourceStatuses.Use]] = [:]
    for key in entries.keys.sorted() {
      guard let entry = entries[key] else { continue }
      for reference in entry.references {
        let isReachable = entry.workload.map { surroundings.observe($0.name).sourceReachable }
        uses[reference, default: []].append(
          .init(policy: key, workload: entry.workload?.name, isReachable: isReachable))
      }
      guard surroundings.owns(key, entry.workload.map(\.name)) else {
        // Another process writes it meanwhile.
        entries[key]?.written = nil
        continue
      }
      let obstacle = obstacle(to: entry, claims, foreign)
      if obstacle == nil || entry.isRaising { actions += scalingActions(key, entry, at: now) }
      if let target = entry.scaling?.target, let wish = wish(of: entry, obstacle, surroundings, at: now) {
        wishes[target] = (key, wish)
      }
      guard let current = entries[key] else { continue }
      let replicas = current.scaling.flatMap { minimums.replicas(of: $0.target) }
      if replicas == nil, let target = current.workload?.target, targetReplicas.takeTurn(key, at: now) {
        actions.append(.readReplicas(key, target))
      }
      var status = status(of: current, obstacle, surroundings, at: now)
      status.currentReplicas = replicas ?? targetReplicas.replicas(of: key, at: now)
      // What the previous owner has written counts until this one has read the target, or for some minutes.
      if status.currentReplicas == nil, targetReplicas.isPending(key), now.timeIntervalSince(current.seenAt) < 300 {
        status.currentReplicas = PolicyStatus(current.policy.status).currentReplicas
      }
      // The same for forecasts that this one has not measured yet.
      if now.timeIntervalSince(current.seenAt) < 900 {
        status.keepAccuracy(of: current.policy.status)
      }
      let difference = status.difference(from: current.written ?? PolicyStatus(current.policy.status))
      let age = current.writtenAt.map { now.timeIntervalSince($0) } ?? .infinity
      guard difference != .none, age >= settings.statusInterval.inSeconds else { continue }
      if difference == .state {
        let isStarting = status.condition(.ready)?.status == .unknown && current.writtenAt == nil
        if isStarting, now.timeIntervalSince(current.seenAt) < grace(current).inSeconds { continue }
        actions += write(status, key, at: now)
      } else if difference == .replicas || age >= settings.refreshInterval.inSeconds {
        waiting.append((key, status, difference))
      }
    }
    actions += minimumActions(wishes, surroundings, at: now)
    // The numbers of all policies share a budget; the longest unwritten ones come first.
    for (key, status, _) in waiting.sorted(by: { isMoreUrgent($0, $1) }).prefix(numberTokens.available) {
      numberTokens.take(1)
      actions += write(status, key, at: now)
    }
    var problems = sourceProblems
    for (reference, known) in credentials {
      if case .failure(let problem)? = known.result, problems[reference] == nil { problems[reference] = problem }
    }
    actions += headroomActions(claims, foreign, surroundings, at: now)
    return actions
      + sourceStatuses.actions(
        settings, uses: uses, problems: problems, owns: surroundings.ownsSource, at: now)
  }

  private mutating func headroomActions(
    _ claims: Claims, _ foreign: Foreign, _ surroundings: Surroundings, at now: Date
  ) -> [Action] {
    let cluster = HeadroomPolicies.Cluster(
      scaledObjects: scaledObjects, hasPolicy: { [entries] in entries[$0] != nil },
      policy: { claims.first($0) }, scaler: { foreign.scaler(of: $0, except: $1) }, ignorance: missingScalers())
    return headroom.actions(settings, in: cluster, owns: { surroundings.owns($0, nil) }, at: now)
  }

  /// First rounds of many workloads are spread over their interval.
  private func grace(_ entry: Entry) -> Duration {
    let interval = entry.workload.map { $0.interval + .seconds(10) } ?? .zero
    return max(settings.startGrace, min(interval, .seconds(120)))
  }

  private func isMoreUrgent(
    _ left: (ObjectKey, PolicyStatus, PolicyStatus.Difference),
    _ right: (ObjectKey, PolicyStatus, PolicyStatus.Difference)
  ) -> Bool {
    if left.2 != right.2 { return left.2 > right.2 }
    return entries[left.0]?.writtenAt ?? .distantPast < entries[right.0]?.writtenAt ?? .distantPast
  }

  private mutating func credentialActions(at now: Date) -> [Action] {
    let used = entries.values.reduce(into: Set<SourceReference>()) { $0.formUnion($1.references) }
    var actions: [Action] = []
    for (reference, known) in credentials where used.contains(reference) {
      let wait =
        known.failures == 0 && known.result != nil ? settings.credentialsInterval : settings.delay(known.failures)
      if let at = known.requestedAt, now.timeIntervalSince(at) < wait.inSeconds { continue }
      credentials[reference]?.requestedAt = now
      actions.append(.readCredentials(reference, known.references))
    }
    return actions
  }

  // MARK: ScaledObjects

  /// Why a policy's target is not scaled.
  private struct Obstacle {
    let reason: String
    let message: String
    var isUnknown = false

    static func switching(from scaledObject: String) -> Obstacle {
      Obstacle(
        reason: "ScaledObjectDeleted",
        message: "The ScaledObject '\(scaledObject)' and its autoscaler are being deleted.",
        isUnknown: true)
    }
  }

  /// Why it is not known what scales a target; nil when it is known.
  ///
  /// - Parameter ignoringAbsent: whether types that the cluster does not have count as known.
  private func missingScalers(ignoringAbsent: Bool = false) -> String? {
    [ScaledObject.resource, Autoscaler.resource].map(\.plural)
      .first { !listed.contains($0) && !(ignoringAbsent && absent.contains($0)) }
      .map { interruptions[$0] ?? "they have not been listed yet" }
  }

  private func obstacle(to entry: Entry, _ claims: Claims, _ foreign: Foreign) -> Obstacle? {
    guard entry.isScaling || entry.isRaising, let target = entry.scaling?.target else { return nil }
    // Without KEDA there is an autoscaler to raise, and there are no ScaledObjects.
    if let error = missingScalers(ignoringAbsent: entry.isRaising) {
      return Obstacle(
        reason: "ObjectsUnknown", message: "Whether others scale the target is unknown: \(error)", isUnknown: true)
    }
    let policy = entry.policy
    if let first = claims.first(target), first != policy.key {
      return Obstacle(
        reason: "Conflict", message: "The ForecastPolicy '\(first.name)' scales the \(target) already.")
    }
    if entry.isRaising { return obstacle(toRaising: target, policy, foreign) }
    if let existing = scaledObjects[policy.key], !existing.metadata.isOwned(by: policy.metadata.uid) {
      return Obstacle(
        reason: "Conflict",
        message:
          "There is a ScaledObject '\(policy.key.name)' that does not belong to this policy; it is left as it is.")
    }
    if let other = foreign.scaler(of: target, except: policy.metadata.uid) {
      return Obstacle(
        reason: "Conflict", message: "The \(other) scales the \(target) already; it is left as it is.")
    }
    return nil
  }

  private func obstacle(toRaising target: ScaleTarget, _ policy: ForecastPolicy, _ foreign: Foreign) -> Obstacle? {
    if let other = foreign.scaledObject(of: target, except: policy.metadata.uid) {
      return Obstacle(
        reason: "Conflict",
        message: "The ScaledObject '\(other)' scales the \(target) already; KEDA sets minReplicas of its autoscaler.")
    }
    let autoscalers = minimums.autoscalers(of: target)
    if let existing = scaledObjects[policy.key], existing.metadata.isOwned(by: policy.metadata.uid) {
      return .switching(from: existing.key.name)
    }
    if let (own, scaledObject) = autoscalers.lazy.compactMap({ one in one.scaledObjectName.map { (one, $0) } }).first {
      // KEDA's autoscaler goes a little later than the ScaledObject.
      if scaledObject == policy.key.name { return .switching(from: scaledObject) }
      return Obstacle(
        reason: "Conflict",
        message: "The HorizontalPodAutoscaler '\(own.key.name)' belongs to the ScaledObject '\(scaledObject)'; "
          + "KEDA sets its minReplicas.")
    }
    switch autoscalers.count {
    case 0:
      return Obstacle(
        reason: "NoAutoscaler",
        message: "There is no HorizontalPodAutoscaler for the \(target); create one, or set apply: scaledObject.")
    case 1: return nil
    default:
      let names = autoscalers.map { "'\($0.key.name)'" }.joined(separator: ", ")
      return Obstacle(
        reason: "Conflict", message: "Several HorizontalPodAutoscalers scale the \(target): \(names); keep one.")
    }
  }

  private mutating func scalingActions(_ key: ObjectKey, _ entry: Entry, at now: Date) -> [Action] {
    let existing = scaledObjects[key]
    guard let workload = entry.workload, let scaling = entry.scaling, !reserved.contains(workload.name) else {
      return []
    }
    if scaling.application == .minReplicas || (scaling.isManaged && workload.isDryRun) {
      // A plan that is not served must not scale, and of two autoscalers for one target one would be wrong.
      guard let existing, existing.metadata.deletionTimestamp == nil, let uid = existing.metadata.uid,
        existing.metadata.isOwned(by: entry.policy.metadata.uid), entry.apply.mayTry(nil, settings, at: now)
      else { return [] }
      entries[key]?.apply.start(nil, at: now)
      return [.delete(key, uid: uid)]
    }
    guard scaling.isManaged else { return [] }
    let body = scaling.scaledObject(
      entry.policy, workload, scalerAddress: settings.scalerAddress, settings.authentication)
    if let existing, scaling.matches(existing.spec, body["spec"]) {
      entries[key]?.apply = RequestAttempt()
      return []
    }
    guard entry.apply.mayTry(body, settings, at: now) else { return [] }
    entries[key]?.apply.start(body, at: now)
    return [.apply(key, body, isOwn: existing != nil)]
  }

  /// Notes what became of the request for a policy's ScaledObject.
  mutating func scalingRequestEnded(_ key: ObjectKey, error: KubernetesError?) {
    // A HeadroomPolicy with the name of a ForecastPolicy requests nothing.
    guard entries[key] != nil else { return headroom.requestEnded(key, error: error) }
    entries[key]?.apply.error = error.map { "\($0)" }
  }

  /// Notes how many replicas the target of a policy has; nil when they could not be read.
  mutating func replicasRead(_ key: ObjectKey, _ replicas: Int?, at now: Date) {
    targetReplicas.note(replicas, of: key, at: now)
  }

  /// Notes that a status could not be written: it is written again after the usual time, or soon when its object had been changed
  /// meanwhile.
  mutating func statusWriteFailed(_ key: ObjectKey, isConflict: Bool) {
    entries[key]?.written = nil
    guard isConflict, let at = entries[key]?.writtenAt else { return }
    entries[key]?.writtenAt = at - settings.statusInterval.inSeconds + settings.conflictInterval.inSeconds
  }

  /// The same for a HeadroomPolicy.
  mutating func headroomStatusWriteFailed(_ key: ObjectKey) { headroom.statusWriteFailed(key) }

  /// The same for a source.
  mutating func sourceStatusWriteFailed(_ reference: SourceReference) { sourceStatuses.writeFailed(reference) }

  // MARK: Minimums of autoscalers

  /// What a policy's plan requires of the autoscaler of its target; nil when it must not be raised.
  private func wish(
    of entry: Entry, _ obstacle: Obstacle?, _ surroundings: Surroundings, at now: Date
  ) -> RaisedMinimums.Wish? {
    guard entry.isRaising, let workload = entry.workload, !reserved.contains(workload.name) else { return nil }
    if let obstacle, !obstacle.isUnknown { return nil }
    let observation = surroundings.observe(workload.name)
    guard let snapshot = observation.snapshot else {
      // A process that has just started makes its first plan; what the previous one has raised stays meanwhile.
      return isNew(entry, at: now) ? .unknown : nil
    }
    guard snapshot.staleness(at: now, limit: staleAfter(workload)) == nil else { return nil }
    // Whether others scale the target is not known.
    if obstacle != nil { return .unknown }
    return snapshot.replicas(for: question(of: entry, observation), at: now).map { .replicas($0) }
  }

  /// Whether a policy has not been here for long enough to have a plan.
  private func isNew(_ entry: Entry, at now: Date) -> Bool {
    now.timeIntervalSince(entry.seenAt) < max(staleAfter(entry.workload), grace(entry)).inSeconds
  }

  private mutating func minimumActions(
    _ wishes: [ScaleTarget: (policy: ObjectKey, wish: RaisedMinimums.Wish)], _ surroundings: Surroundings, at now: Date
  ) -> [Action] {
    // What a policy says that cannot be used yet is not known.
    let unknown = Set(entries.filter { $0.value.scaling == nil && isNew($0.value, at: now) }.keys)
    let changes = minimums.changes(
      wishes,
      mayGiveBack: { [entries] key in
        !unknown.contains(key) && surroundings.owns(key, entries[key]?.workload?.name)
      }, at: now)
    return changes.map { .changeMinimum($0.autoscaler, $0.change) }
  }

  /// Notes what became of the request for the `minReplicas` of an autoscaler.
  mutating func minimumRequestEnded(_ key: ObjectKey, error: KubernetesError?) {
    minimums.requestEnded(key, error: error)
  }

  /// The autoscaler whose `minReplicas` follows a policy's plan.
  private func autoscaler(of entry: Entry) -> Autoscaler? {
    guard entry.isRaising, let target = entry.scaling?.target else { return nil }
    return minimums.autoscalers(of: target).first { $0.scaledObjectName == nil }
  }

  private func question(of entry: Entry, _ observation: PlanObservation) -> ScalingQuestion {
    var question = entry.scaling?.question ?? ScalingQuestion(leadTime: .seconds(600))
    if entry.scaling?.isLeadTimeMeasured == true, let snapshot = observation.snapshot {
      question.leadTime = snapshot.leadTime(orElse: question.leadTime)
    }
    return question
  }

  // MARK: Status

  private func status(
    of entry: Entry, _ obstacle: Obstacle?, _ surroundings: Surroundings, at now: Date
  ) -> PolicyStatus {
    let workload = entry.workload.flatMap { reserved.contains($0.name) ? nil : $0 }
    let observation = workload.map { surroundings.observe($0.name) } ?? PlanObservation()
    let question = question(of: entry, observation)
    var status = PolicyStatus()
    status.observedGeneration = entry.policy.metadata.generation
    status.workload = workload?.name.text
    if let existing = scaledObjects[entry.policy.key], existing.metadata.isOwned(by: entry.policy.metadata.uid) {
      status.scaledObjectName = existing.key.name
    }
    if obstacle == nil, let autoscaler = autoscaler(of: entry) {
      status.autoscalerName = autoscaler.key.name
      if let raise = autoscaler.raise, raise.policy == entry.policy.key.name, raise.raised == autoscaler.minimum {
        status.minReplicas = raise.raised
      }
    }
    if let snapshot = observation.snapshot {
      status.lastForecastTime = KubernetesTime.text(snapshot.generatedAt)
      status.currentLoad = snapshot.currentValue
      status.desiredReplicas = snapshot.replicas(for: question, at: now)
    }
    let largestError = entry.workload?.policy.accuracyGate ?? 0.5
    status.conditions =
      [ready(entry, workload, obstacle, observation, at: now)]
      + observation.conditions(leadTime: question.leadTime, largestError: largestError, at: now)
    return status
  }

  private func ready(
    _ entry: Entry, _ workload: WorkloadConfiguration?, _ obstacle: Obstacle?, _ observation: PlanObservation,
    at now: Date
  ) -> PolicyCondition {
    // Secrets that are being read are part of the start.
    if let problem = entry.problem, problem.kind != .credentialsUnread {
      let reason =
        switch problem.kind {
        case .invalid: "InvalidSpec"
        case .sourceNotFound: "SourceNotFound"
        case .credentialsNotFound, .credentialsUnread: "CredentialsNotFound"
        }
      let kept = entry.workload == nil ? "" : "\nThe previous settings stay in use."
      return PolicyCondition(.ready, .no, reason, "\(problem)\(kept)")
    }
    if let name = entry.workload?.name, workload == nil {
      return PolicyCondition(
        .ready, .no, "NameInUse", "The forecaster's configuration file has a workload '\(name)' already.")
    }
    if let obstacle {
      return PolicyCondition(.ready, obstacle.isUnknown ? .unknown : .no, obstacle.reason, obstacle.message)
    }
    if let error = entry.apply.error { return PolicyCondition(.ready, .no, "ScaledObjectNotWritten", error) }
    let condition = observation.ready(
      staleAfter: staleAfter(workload), isDryRun: workload?.isDryRun ?? false, at: now)
    guard let autoscaler = autoscaler(of: entry) else { return condition }
    if let error = minimums.error(of: autoscaler.key) {
      return PolicyCondition(.ready, .no, "AutoscalerNotWritten", error)
    }
    guard condition.status == .yes else { return condition }
    return PolicyCondition(
      .ready, .yes, condition.reason,
      "The plan is the least minReplicas of the HorizontalPodAutoscaler '\(autoscaler.key.name)', within its maxReplicas."
    )
  }

  /// The age from which a plan is not used.
  private func staleAfter(_ workload: WorkloadConfiguration?) -> Duration {
    max(settings.staleAfter, workload.map { $0.interval * 2 } ?? .zero)
  }

  private mutating func write(_ status: PolicyStatus, _ key: ObjectKey, at now: Date) -> [Action] {
    guard let entry = entries[key] else { return [] }
    let old = entry.written ?? PolicyStatus(entry.policy.status)
    let transitions = status.transitions(from: entry.policy.status, at: now)
    let patch = status.patch(of: entry.policy.status, transitions: transitions)
    entries[key]?.written = status
    entries[key]?.writtenAt = now
    // The next transitions are computed from this, before the server has sent it back.
    entries[key]?.policy.status = (entry.policy.status ?? [:]).merged(patch)
    let events = [PolicyCondition.Kind.ready, .sourceReachable].compactMap { kind in
      status.event(of: kind, since: old, about: ForecastPolicy.resource, entry.policy.metadata, at: now)
    }
    return [.status(key, patch, version: entry.policy.metadata.resourceVersion)]
      + events.map(Action.event) + planEvents(from: old, to: status, key, at: now)
  }

  /// Events of a plan that becomes inaccurate, capped or bridged, and of the end of that.
  private mutating func planEvents(
    from old: PolicyStatus, to new: PolicyStatus, _ key: ObjectKey, at now: Date
  ) -> [Action] {
    var events: [Action] = []
    let kinds: [(PolicyCondition.Kind, PolicyCondition.Status)] = [(.accurate, .no), (.capped, .yes), (.bridged, .yes)]
    for (kind, bad) in kinds {
      guard let condition = new.condition(kind), condition.status != .unknown, let policy = entries[key]?.policy else {
        continue
      }
      let before = old.condition(kind)?.status
      guard before != condition.status, condition.status == bad || before == bad else { continue }
      if let at = entries[key]?.planEventAt[kind], now.timeIntervalSince(at) < settings.planEventInterval.inSeconds {
        continue
      }
      entries[key]?.planEventAt[kind] = now
      events.append(
        .event(
          ObjectEvent(
            condition.status == bad ? .warning : .normal, about: ForecastPolicy.resource, policy.metadata,
            reason: condition.reason, message: condition.message, time: KubernetesTime.text(now))))
    }
    return events
  }
}

extension Snapshot {
  /// The whole replicas that this plan requests, whatever the unit of a question.
  fileprivate func replicas(for question: ScalingQuestion, at now: Date) -> Int? {
    answer(ScalingQuestion(leadTime: question.leadTime, selection: question.selection), at: now)
      .map { Int($0.value.rounded(.up)) }
  }
}

extension PolicyReconciler.Entry {
  /// Whether the operator is to scale the target by this policy.
  fileprivate var isScaling: Bool { scaling?.isManaged == true && workload?.isDryRun == false }

  /// Whether the operator is to raise the `minReplicas` of the target's autoscaler.
  fileprivate var isRaising: Bool { scaling?.application == .minReplicas && workload?.isDryRun == false }
}

/// Which policy scales which target: of several the one that does so already, else the oldest.
private struct Claims {
  private struct Claim {
    let rank: Int
    let created: String
    let key: ObjectKey

    var order: (Int, String, String) { (rank, created, key.name) }
  }

  private var firsts: [ScaleTarget: Claim] = [:]

  init(
    _ policies: [(ForecastPolicy, ScaleTarget?)], _ scaledObjects: [ObjectKey: ScaledObject],
    _ minimums: RaisedMinimums
  ) {
    for (policy, target) in policies {
      guard let target else { continue }
      let own = scaledObjects[policy.key].flatMap { $0.metadata.isOwned(by: policy.metadata.uid) ? $0 : nil }
      let scales =
        own.flatMap { ScaleTarget($0.spec["scaleTargetRef"], in: $0.key.namespace) } == target
        || minimums.autoscalers(of: target).contains { $0.raise?.policy == policy.key.name }
      let claim = Claim(
        rank: scales ? 0 : 1, created: policy.metadata.creationTimestamp ?? "", key: policy.key)
      if let first = firsts[target], first.order <= claim.order { continue }
      firsts[target] = claim
    }
  }

  func first(_ target: ScaleTarget) -> ObjectKey? { firsts[target]?.key }
}

/// Which objects scale which target, apart from those of policies.
private struct Foreign {
  private var scaledObjects: [ScaleTarget: [ScaledObject]] = [:]
  private let autoscalers: RaisedMinimums

  init(_ scaledObjects: [ObjectKey: ScaledObject], _ autoscalers: RaisedMinimums) {
    self.autoscalers = autoscalers
    for object in scaledObjects.values {
      guard let target = ScaleTarget(object.spec["scaleTargetRef"], in: object.key.namespace) else { continue }
      self.scaledObjects[target, default: []].append(object)
    }
  }

  /// The first ScaledObject of a target that does not belong to the policy with this identity.
  func scaledObject(of target: ScaleTarget, except uid: String?) -> String? {
    (scaledObjects[target] ?? []).filter { !$0.metadata.isOwned(by: uid) }.map(\.key.name).min()
  }

  /// What else scales a target than a policy's own ScaledObject.
  func scaler(of target: ScaleTarget, except uid: String?) -> String? {
    if let other = scaledObject(of: target, except: uid) { return "ScaledObject '\(other)'" }
    return autoscalers.firstForeign(of: target).map { "HorizontalPodAutoscaler '\($0)'" }
  }
}

extension JSONValue {
  /// This after a merge patch (RFC 7386).
  fileprivate func merged(_ patch: JSONValue) -> JSONValue {
    guard case .object(let changes) = patch else { return patch }
    var result = members ?? [:]
    for (key, value) in changes { result[key] = value == .null ? nil : (result[key] ?? .null).merged(value) }
    return .object(result)
  }
}
