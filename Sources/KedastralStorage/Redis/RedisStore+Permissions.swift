import KedastralCore
import Synchronization

extension RedisStore {
  /// What the user may not do of that which forecasters and scalers do, in Redis's own words, one line for each; empty when
  /// everything is permitted.
  ///
  /// Each command is sent once in a form that changes nothing.
  ///
  /// - Throws: `ForecastStoreError` when Redis does not answer.
  public func missingPermissions() async throws -> [String] {
    let configuration = client.configuration
    let key = configuration.keyPrefix + "@check"
    let probes: [(purpose: String, command: RedisCommand)] = [
      ("read plans", RedisCommand("GETRANGE", key, "0", "0", key: key)),
      ("find plans", RedisCommand("SCAN", "0", "MATCH", KeyScan.escaped(key), "COUNT", "1")),
      ("store plans", RedisCommand("EVAL", Self.probe, "1", key, key: key)),
      ("store models", RedisCommand("SET", key, "", "XX", "EX", "1", key: key)),
      ("remove plans", RedisCommand("DEL", key, key: key)),
      ("announce plans", RedisCommand("PUBLISH", configuration.channel, "", key: key)),
    ]
    let replies = try await ask("check permissions", probes.map(\.command))
    var problems = zip(probes, replies).compactMap { probe, reply in
      reply.errorText.map { "redis does not let the user \(probe.purpose): \(ReplyVerdict.plainText($0))" }
    }
    if let refused = await subscriptionRefusal() {
      problems.append(
        "redis does not let the user hear of plans at once, so they are read at intervals and arrive later: \(refused)")
    }
    return problems
  }

  /// The commands of ``PutScript``, on a key that is not there.
  private static let probe = """
    redis.call('TIME')
    redis.call('GET', KEYS[1])
    redis.call('SET', KEYS[1], '', 'XX', 'PX', 1)
    return 1
    """

  /// Subscribes once; the reason when Redis refuses, nil when it does not or gives no answer in time.
  private func subscriptionRefusal() async -> String? {
    let (outcomes, outcome) = AsyncStream.makeStream(of: String?.self, bufferingPolicy: .bufferingOldest(1))
    client.subscribe(
      client.configuration.channel,
      handler: SubscriptionHandler(
        onSubscribed: { outcome.yield(nil) }, onAway: { outcome.yield($0) }, onRefused: { outcome.yield($0) },
        onMessage: { _ in }))
    return await withTaskGroup(of: String?.self) { group in
      let limit = client.configuration.callDeadline
      group.addTask {
        for await refusal in outcomes { return refusal }
        return nil
      }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }
}
