import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Histories are kept in a hash under the plan's key with the suffix `:history`, one field for each part, so that a write sends only
/// what has changed.
extension RedisStore: HistoryStore {
  package func putHistory(_ parts: [String: Data?], of workload: WorkloadName, lifetime: Duration) async throws {
    let operation = "put the history of \(workload)"
    let key = historyKey(workload)
    var (stored, removed) = (["HSET", key].map { Array($0.utf8) }, ["HDEL", key].map { Array($0.utf8) })
    for (name, data) in parts.sorted(by: { $0.key < $1.key }) {
      guard let data else {
        removed.append(Array(name.utf8))
        continue
      }
      guard data.count <= client.configuration.maximumValueBytes else {
        throw error(
          operation,
          "part \(name) has \(data.count) bytes, allowed are \(client.configuration.maximumValueBytes)")
      }
      stored += [Array(name.utf8), Array(data)]
    }
    var commands = [stored, removed].filter { $0.count > 2 }.map { RedisCommand($0, key: key) }
    guard !commands.isEmpty else { return }
    commands.append(RedisCommand("PEXPIRE", key, "\(Int(lifetime.inSeconds * 1000))", key: key))
    if let refused = try await ask(operation, commands).first(where: { $0.errorText != nil }) {
      throw error(operation, unexpected: refused)
    }
  }

  package func history(of workload: WorkloadName) async throws -> [String: Data] {
    let operation = "get the history of \(workload)"
    let key = historyKey(workload)
    let reply = try await ask(operation, [RedisCommand("HGETALL", key, key: key)])[0]
    guard let fields = reply.elements, fields.count.isMultiple(of: 2) else { throw error(operation, unexpected: reply) }
    var parts: [String: Data] = [:]
    for index in stride(from: 0, to: fields.count, by: 2) {
      guard let name = fields[index].text, case .bytes(let bytes) = fields[index + 1] else {
        throw error(operation, unexpected: reply)
      }
      parts[name] = Data(bytes)
    }
    return parts
  }
}
