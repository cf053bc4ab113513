import KedastralNet

/// Sends each call to the cluster node that holds its key, and adapts when slots move or masters fail.
///
/// The slot map is requested at the start, after a redirection, and when a node is lost; calls wait meanwhile.
final class ClusterRouter: CallRouter {
  var onLater: ([RedisCall]) -> Void = { _ in }
  var onChange: () -> Void = {}
  private let seeds: [RemoteAddress]
  private let plan: ConnectionPlan
  private let configuration: RedisConfiguration
  private var map = SlotMap()
  private var links: [RemoteAddress: RedisLink] = [:]
  private var parked = Fifo<RedisCall>()
  private var refresh = Refresh.idle
  private var refreshTimer: LoopTimer?
  /// The request that the refresh waits for.
  private var probe: RedisCall?
  private var refreshProblem: String? = "not connected yet"
  /// More consecutive redirections than any healthy cluster needs.
  private static let maximumRedirections = 16

  private enum Refresh {
    case idle
    /// A node is being queried, or will be after a pause.
    case underway(asked: Set<RemoteAddress>)
  }

  init(seeds: [RemoteAddress], plan: ConnectionPlan, configuration: RedisConfiguration) {
    self.seeds = seeds
    self.plan = plan
    self.configuration = configuration
  }

  var problem: String? {
    guard let masters = masters(of: map) else { return refreshProblem ?? "no node has reported the slot map" }
    for master in masters {
      if let problem = links[master]?.state.problem { return problem }
    }
    return map.isComplete ? nil : "no node serves some of the slots"
  }

  var subscriptionLocation: MasterLocation? {
    // Messages reach every node, so any reachable node will do.
    let known = masters(of: map) ?? seeds
    return (known.first { links[$0]?.state.phase == .ready } ?? known.randomElement()).map { .fixed($0) }
  }

  var masters: [RedisCall.Target]? { masters(of: map)?.map { .node($0) } }

  private func masters(of map: SlotMap) -> [RemoteAddress]? {
    let masters = map.masters
    return masters.isEmpty ? nil : masters
  }

  func start() { beginRefresh() }

  func submit(_ calls: [RedisCall]) {
    var batches: [(RemoteAddress, [RedisCall])] = []
    var indices: [RemoteAddress: Int] = [:]
    for call in calls {
      guard let owner = owner(of: call) else {
        parked.append(call)
        continue
      }
      if let index = indices[owner] {
        batches[index].1.append(call)
      } else {
        indices[owner] = batches.count
        batches.append((owner, [call]))
      }
    }
    if !parked.isEmpty { beginRefresh() }
    for (owner, batch) in batches { link(to: owner).submit(batch) }
  }

  func close() -> [RedisCall] {
    refreshTimer = nil
    let calls = links.values.flatMap { $0.close() } + parked.removeAll()
    links = [:]
    return calls
  }

  private func owner(of call: RedisCall) -> RemoteAddress? {
    if case .node(let address) = call.target { return address }
    return call.slot.map { map[$0] } ?? map.masters.first
  }

  private func link(to address: RemoteAddress) -> RedisLink {
    if let link = links[address] { return link }
    let link = RedisLink(to: .fixed(address), plan: plan, backoff: configuration.reconnect)
    links[address] = link
    link.onChange = { [unowned self] in onChange() }
    link.onLost = { [unowned self] calls in
      // The node may be gone permanently: its calls wait for a new map.
      for call in calls { if call === probe { endProbe() } else { parked.append(call) } }
      beginRefresh()
    }
    link.onReply = { [unowned self] link, call, reply in judge(call, reply, from: link, at: address) }
    return link
  }

  private func judge(_ call: RedisCall, _ reply: RESPValue, from link: RedisLink, at address: RemoteAddress) {
    switch ReplyVerdict(reply, from: address) {
    case .answer: call.finish(.success(reply))
    case .later(let problem):
      call.lastProblem = problem
      onLater([call])
      beginRefresh()
    case .reconnect(let problem):
      call.lastProblem = problem
      onLater([call])
      link.reconnect(because: problem)
    case .moved(let slot, let owner):
      map[slot] = owner
      redirect(call, reply, to: owner)
      beginRefresh()
    case .ask(let owner):
      call.isAsking = true
      redirect(call, reply, to: owner)
    }
  }

  private func redirect(_ call: RedisCall, _ reply: RESPValue, to owner: RemoteAddress) {
    call.redirections += 1
    guard call.redirections <= Self.maximumRedirections else { return call.finish(.success(reply)) }
    call.lastProblem = reply.errorText
    link(to: owner).submit([call])
  }

  // MARK: The slot map

  private func beginRefresh() {
    guard case .idle = refresh else { return }
    refresh = .underway(asked: [])
    askNext()
  }

  private func askNext() {
    guard case .underway(let asked) = refresh else { return }
    let known = (map.masters + seeds).filter { !asked.contains($0) }
    guard let node = known.first(where: { links[$0]?.state.phase == .ready }) ?? known.first else {
      return endRefresh(pause: .milliseconds(500))
    }
    refresh = .underway(asked: asked.union([node]))
    let deadline = ContinuousClock.now + configuration.connectDeadline
    let call = RedisCall(RedisCommand("CLUSTER", "SLOTS"), target: .node(node), deadline: deadline) {
      [unowned self] result in
      refreshTimer = nil
      probe = nil
      take(result, from: node)
    }
    probe = call
    refreshTimer = LoopTimer(on: plan.loop, every: configuration.connectDeadline, repeating: false) {
      [unowned self] in endProbe()
    }
    link(to: node).submit([call])
  }

  private func endProbe() {
    guard let probe else { return }
    probe.finish(.failure(.init(problem: probe.lastProblem ?? "no answer to CLUSTER SLOTS")))
  }

  private func take(_ result: Result<RESPValue, RedisCall.Failure>, from node: RemoteAddress) {
    switch result {
    case .failure(let failure): refreshProblem = failure.problem
    case .success(let reply):
      if let newMap = SlotMap(reply, from: node), !newMap.masters.isEmpty {
        map = newMap
        refreshProblem = nil
        dropLinksOfGoneNodes()
        return endRefresh(pause: .milliseconds(100))
      }
      refreshProblem = "\(node): asked for the cluster's slots, it answered \(reply.summary)"
    }
    askNext()
  }

  /// Sends the parked calls, and delays the next refresh: a burst of redirections needs only one.
  private func endRefresh(pause: Duration) {
    refreshTimer = LoopTimer(on: plan.loop, every: pause, repeating: false) { [unowned self] in
      refreshTimer = nil
      refresh = .idle
      if !parked.isEmpty { resubmitParked() }
      if refreshProblem != nil { beginRefresh() }
    }
    if refreshProblem == nil { resubmitParked() }
    onChange()
  }

  private func resubmitParked() {
    let calls = parked.removeAll().filter { !$0.isOver }
    for call in calls { call.lastProblem = call.lastProblem ?? refreshProblem }
    submit(calls)
  }

  private func dropLinksOfGoneNodes() {
    let present = Set(map.masters)
    for (address, link) in links where !present.contains(address) {
      links[address] = nil
      for call in link.close() { parked.append(call) }
    }
    // Connects to all masters, so that their health is known.
    for master in present { link(to: master).start() }
  }
}
