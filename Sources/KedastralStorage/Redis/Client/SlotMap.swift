import KedastralNet

/// Which master of a cluster serves which slots, as last reported by the cluster.
struct SlotMap: Equatable, Sendable {
  private var owners: [RemoteAddress?] = Array(repeating: nil, count: HashSlot.count)

  /// An empty map.
  init() {}

  /// Parses the reply to `CLUSTER SLOTS`; nil when it has another form.
  ///
  /// - Parameter source: the node that replied: a node that does not know its own address leaves it empty.
  init?(_ reply: RESPValue, from source: RemoteAddress) {
    guard let ranges = reply.elements else { return nil }
    for range in ranges {
      guard let parts = range.elements, parts.count >= 3, let first = parts[0].number, let last = parts[1].number,
        0 <= first, first <= last, last < HashSlot.count, let master = parts[2].elements, master.count >= 2,
        let port = master[1].number.flatMap({ UInt16(exactly: $0) })
      else { return nil }
      let host = master[0].text ?? ""
      let owner = RemoteAddress.network(host: host.isEmpty || host == "?" ? source.host ?? "" : host, port: port)
      for slot in first...last { owners[slot] = owner }
    }
  }

  /// The master of a slot; nil when it is unknown.
  subscript(slot: HashSlot) -> RemoteAddress? {
    get { owners[slot.number] }
    set { owners[slot.number] = newValue }
  }

  /// All masters, each once, in the order of their first slots.
  var masters: [RemoteAddress] {
    var seen: Set<RemoteAddress> = []
    return owners.compactMap { owner in owner.flatMap { seen.insert($0).inserted ? $0 : nil } }
  }

  /// Whether every slot has a master.
  var isComplete: Bool { owners.allSatisfy { $0 != nil } }
}
