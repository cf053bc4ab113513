import Foundation

/// A real Redis Cluster of three masters on free ports.
public final class RedisCluster: Sendable {
  /// The masters, in the order of their slots.
  public let nodes: [RedisServer]

  /// Starts the nodes, spreads the slots, and waits until all agree.
  ///
  /// - Parameter tls: what clients, and the nodes among each other, speak TLS with; nil for plain text.
  public init(timeoutMilliseconds: Int = 2000, tls: TestCertificates? = nil) async throws {
    var nodes: [RedisServer] = []
    for _ in 0..<3 {
      // The port of the cluster's own talk: by default 10,000 above, which may not exist.
      nodes.append(
        try await RedisServer(
          [
            "--cluster-enabled", "yes", "--cluster-port", "\(freePort())", "--cluster-node-timeout",
            "\(timeoutMilliseconds)", "--cluster-config-file", "nodes.conf",
          ] + (tls == nil ? [] : ["--tls-cluster", "yes"]), tls: tls))
    }
    self.nodes = nodes
    let bounds = [0, 5461, 10_923, 16_384]
    for (index, node) in nodes.enumerated() {
      try await node.cli("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
      try await node.cli("CLUSTER", "ADDSLOTSRANGE", "\(bounds[index])", "\(bounds[index + 1] - 1)")
    }
    for node in nodes.dropFirst() {
      let port = try await node.cli("CONFIG", "GET", "cluster-port").split(whereSeparator: \.isNewline).last ?? ""
      try await nodes[0].cli("CLUSTER", "MEET", "127.0.0.1", "\(node.port)", String(port))
    }
    try await eventually("the cluster to agree") {
      for node in nodes {
        let info = try await node.cli("CLUSTER", "INFO")
        guard info.contains("cluster_state:ok"), info.contains("cluster_known_nodes:3") else { return false }
      }
      return true
    }
  }

  /// Moves a slot from one node to another, pausing halfway while its keys are at both.
  public func migrate(slot: Int, from source: Int, to target: Int, halfway: () async throws -> Void) async throws {
    let sourceIdentifier = try await nodes[source].cli("CLUSTER", "MYID")
    let targetIdentifier = try await nodes[target].cli("CLUSTER", "MYID")
    try await nodes[target].cli("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceIdentifier)
    try await nodes[source].cli("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetIdentifier)
    try await halfway()
    while true {
      let keys = try await nodes[source].cli("CLUSTER", "GETKEYSINSLOT", "\(slot)", "100")
        .split(whereSeparator: \.isNewline).map(String.init)
      if keys.isEmpty { break }
      for key in keys {
        try await nodes[source].cli("MIGRATE", "127.0.0.1", "\(nodes[target].port)", key, "0", "5000")
      }
    }
    try await halfway()
    for index in [target, source] + nodes.indices.filter({ $0 != source && $0 != target }) {
      try await nodes[index].cli("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetIdentifier)
    }
  }
}
