import KedastralCore

/// Finds the keys of all workloads, node by node, without blocking the server.
struct KeyScan {
  /// A key and the workload it belongs to.
  struct Key: Hashable, Sendable {
    let text: String
    let workload: WorkloadName
  }

  private let client: RedisClient

  init(_ client: RedisClient) { self.client = client }

  /// All keys with a valid workload name, each once.
  func keys() async throws -> Set<Key> {
    var found: Set<Key> = []
    for node in try await client.masters() {
      for prefix in client.configuration.readPrefixes { try await scan(prefix, at: node, into: &found) }
    }
    return found
  }

  private func scan(_ prefix: String, at node: RedisCall.Target, into found: inout Set<Key>) async throws {
    var cursor = "0"
    repeat {
      let command = RedisCommand("SCAN", cursor, "MATCH", Self.escaped(prefix) + "*", "COUNT", "1000")
      let reply = try await client.execute([command], target: node)[0]
      if let problem = reply.permissionProblem { throw RefusedRead(problem: problem) }
      guard let parts = reply.elements, parts.count == 2, let next = parts[0].text, let keys = parts[1].elements else {
        throw RedisCall.Failure(
          problem: reply.errorText.map(ReplyVerdict.plainText) ?? "SCAN was answered with \(reply.summary)")
      }
      cursor = next
      for key in keys.compactMap(\.text) {
        if let workload = try? WorkloadName(String(key.dropFirst(prefix.count))) {
          found.insert(Key(text: key, workload: workload))
        }
      }
    } while cursor != "0"
  }

  /// The prefix with the special characters of `MATCH` escaped.
  static func escaped(_ prefix: String) -> String {
    prefix.reduce(into: "") { text, character in
      if "*?[]^-\\".contains(character) { text.append("\\") }
      text.append(character)
    }
  }
}
