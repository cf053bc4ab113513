import KedastralCore

extension RedisStore {
  /// What a process does with the store, which determines the permissions it needs.
  package enum Role: Sendable, Equatable {
    /// Reads plans and subscribes to changes, as a scaler does.
    case reader
    /// Stores plans and models too, as a forecaster does.
    case writer
  }

  /// One missing permission, or one that could not be checked.
  package struct PermissionProblem: Sendable, Equatable, CustomStringConvertible {
    /// The problem.
    package let description: String
    /// Whether the role cannot work without it; otherwise some plans are missing or arrive later.
    package let isFatal: Bool
  }

  /// The permissions that the role needs and the user lacks, with Redis's error texts; empty when everything is
  /// permitted.
  ///
  /// Nothing is changed and nothing is published: each command is sent in a form without effect. Redis before version 7
  /// cannot check the permission to publish without publishing, so there only the subscription is tried.
  ///
  /// - Parameter workload: one of the workloads, for users that are permitted only some workloads' keys.
  /// - Throws: `ForecastStoreError` when Redis does not respond.
  package func permissionProblems(
    of role: Role, workload: WorkloadName? = nil
  ) async throws -> [PermissionProblem] {
    // Never the key of a plan, because a workload's name has no colon and no @; but the workload's permissions cover
    // it.
    let suffix = workload.map { "\($0):@check" } ?? "@check"
    var problems: [PermissionProblem] = []
    for prefix in client.configuration.readPrefixes {
      if let problem = try await readProblem(prefix, key: prefix + suffix) { problems.append(problem) }
    }
    if role == .writer {
      let key = client.configuration.keyPrefix + suffix
      problems += try await storeProblems(key)
      if let problem = try await announceProblem(key) { problems.append(problem) }
      if let problem = try await historyProblem(key) { problems.append(problem) }
    }
    if let problem = await subscriptionProblem() { problems.append(problem) }
    return problems
  }

  /// Why plans under a prefix cannot be found or read, or only some of them.
  private func readProblem(_ prefix: String, key: String) async throws -> PermissionProblem? {
    let scan = RedisCommand("SCAN", "0", "MATCH", KeyScan.escaped(prefix) + "@check", "COUNT", "1")
    let replies = try await ask("check permissions", [scan, StoredValue.command(key: key, client.configuration)])
    if let words = replies[0].refusal {
      return PermissionProblem(
        description: "redis does not let the user find plans under \(prefix): \(words)", isFatal: true)
    }
    guard let words = replies[1].refusal else { return nil }
    let keys = try await KeyScan(client).keys().map(\.text).filter { $0.hasPrefix(prefix) }
    let reads = try await ask("check permissions", keys.map { RedisCommand("GETRANGE", $0, "0", "0", key: $0) })
    let refused = reads.compactMap(\.permissionProblem)
    if refused.isEmpty, !keys.isEmpty { return nil }
    // Works also when there is no plan yet.
    guard refused.count < keys.count, let first = refused.first else {
      return PermissionProblem(
        description: "redis does not let the user read plans under \(prefix): \(words)", isFatal: true)
    }
    return PermissionProblem(
      description: "redis lets the user read only some of the plans under \(prefix): \(first)", isFatal: false)
  }

  /// The operations on a key that a forecaster needs and the user lacks.
  private func storeProblems(_ key: String) async throws -> [PermissionProblem] {
    let probes = [
      ("store plans", RedisCommand("EVAL", Self.storing, "1", key, key: key)),
      ("store models", RedisCommand("SET", key, "", "XX", "EX", "1", key: key)),
      ("remove plans", RedisCommand("DEL", key, key: key)),
    ]
    return zip(probes, try await ask("check permissions", probes.map(\.1))).compactMap { probe, reply in
      reply.refusal.map {
        PermissionProblem(description: "redis does not let the user \(probe.0): \($0)", isFatal: true)
      }
    }
  }

  /// Why histories cannot be kept, or nil. HSET, which has no form without effect, is tried with the first history.
  private func historyProblem(_ key: String) async throws -> PermissionProblem? {
    let probes = [
      RedisCommand("HGETALL", key, key: key), RedisCommand("HDEL", key, "", key: key),
      RedisCommand("PEXPIRE", key, "1", key: key),
    ]
    return try await ask("check permissions", probes).compactMap(\.refusal).first.map {
      PermissionProblem(
        description:
          "redis does not let the user keep histories, so a restarted forecaster requests them from the sources again: \($0)",
        isFatal: false)
    }
  }

  /// Why new plans would not be announced to scalers. A user that may not run scripts at all is found by
  /// ``storeProblems(_:)``.
  private func announceProblem(_ key: String) async throws -> PermissionProblem? {
    let probe = RedisCommand("EVAL", Self.publishing, "1", key, client.configuration.channel, key: key)
    return try await ask("check permissions", [probe])[0].text.map { words in
      PermissionProblem(
        description:
          "redis does not let the user announce plans, so they reach scalers later: \(ReplyVerdict.plainText(words))",
        isFatal: false)
    }
  }

  /// Why a scaler would not receive new plans at once.
  private func subscriptionProblem() async -> PermissionProblem? {
    let channel = client.configuration.channel
    switch await trySubscription() {
    case .subscribed: return nil
    case .refused(let words):
      return PermissionProblem(
        description:
          "redis does not let the user subscribe to \(channel), so plans are read at intervals and arrive later: \(words)",
        isFatal: false)
    case .unavailable(let problem):
      return PermissionProblem(
        description: "the subscription to \(channel) could not be tried: \(problem)", isFatal: false)
    }
  }

  /// The commands of ``PutScript`` that need a permission of their own, on a key that does not exist.
  private static let storing = """
    redis.call('TIME')
    redis.call('GET', KEYS[1])
    redis.call('SET', KEYS[1], '', 'XX', 'PX', 1)
    return 1
    """

  /// The error text when the user may not publish, otherwise nothing. Publishing is attempted only after the server has
  /// reported that it will refuse it, to get the error text.
  static let publishing = """
    if not redis.acl_check_cmd then return 1 end
    local known, allowed = pcall(redis.acl_check_cmd, 'PUBLISH', ARGV[1], '')
    if known and allowed then return 1 end
    local reply = redis.pcall('PUBLISH', ARGV[1], '')
    if type(reply) == 'table' and reply.err then return reply.err end
    return 1
    """

  /// A server's response to a subscription.
  private enum SubscriptionOutcome {
    case subscribed
    /// Redis's error text.
    case refused(String)
    /// The server did not respond, for this reason.
    case unavailable(String)
  }

  /// Subscribes once, and unsubscribes.
  private func trySubscription() async -> SubscriptionOutcome {
    let (outcomes, outcome) = AsyncStream.makeStream(
      of: SubscriptionOutcome.self, bufferingPolicy: .bufferingOldest(1))
    let limit = client.configuration.callDeadline
    let subscription = client.subscribe(
      client.configuration.channel,
      handler: SubscriptionHandler(
        onSubscribed: { outcome.yield(.subscribed) }, onAway: { outcome.yield(.unavailable($0)) },
        onRefused: { outcome.yield(.refused($0)) }, onMessage: { _ in }))
    defer { client.unsubscribe(subscription) }
    do {
      return try await withDeadline(limit, clock: SystemWallClock()) {
        for await result in outcomes { return result }
        return .unavailable("the store is closed")
      }
    } catch {
      return .unavailable("\(error)")
    }
  }
}

extension RESPValue {
  /// Redis's error text.
  fileprivate var refusal: String? { errorText.map(ReplyVerdict.plainText) }
}
