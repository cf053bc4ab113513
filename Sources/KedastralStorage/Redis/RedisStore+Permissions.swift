import KedastralCore

extension RedisStore {
  /// What a process does with the store, and so what its user must be permitted.
  public enum Role: Sendable, Equatable {
    /// Reads plans and subscribes to changes, as a scaler does.
    case reader
    /// Stores plans and models too, as a forecaster does.
    case writer
  }

  /// One thing that Redis does not let the user do, or could not be asked about.
  public struct PermissionProblem: Sendable, Equatable, CustomStringConvertible {
    /// What was found.
    public let description: String
    /// Whether the role cannot do its work; otherwise plans only arrive later.
    public let isFatal: Bool
  }

  /// What the user may not do of that which the role needs, in Redis's own words; empty when everything is permitted.
  ///
  /// Nothing is changed and nothing is published: each command is sent in a form without effect. Before Redis 7 a server
  /// cannot be asked whether the user may publish without publishing, so there the subscription alone is tried.
  ///
  /// - Throws: `ForecastStoreError` when Redis does not answer.
  public func permissionProblems(of role: Role) async throws -> [PermissionProblem] {
    let configuration = client.configuration
    let key = configuration.keyPrefix + "@check"
    var probes = configuration.readPrefixes.flatMap { prefix in
      [
        ("read plans under \(prefix)", RedisCommand("GETRANGE", prefix + "@check", "0", "0", key: prefix + "@check")),
        (
          "find plans under \(prefix)",
          RedisCommand("SCAN", "0", "MATCH", KeyScan.escaped(prefix) + "@check", "COUNT", "1")
        ),
      ]
    }
    if role == .writer {
      probes += [
        ("store plans", RedisCommand("EVAL", Self.storing, "1", key, key: key)),
        ("store models", RedisCommand("SET", key, "", "XX", "EX", "1", key: key)),
        ("remove plans", RedisCommand("DEL", key, key: key)),
      ]
    }
    var problems: [PermissionProblem] = []
    for (probe, reply) in zip(probes, try await ask("check permissions", probes.map(\.1))) {
      guard let words = reply.errorText.map(ReplyVerdict.plainText) else { continue }
      problems.append(
        PermissionProblem(description: "redis does not let the user \(probe.0): \(words)", isFatal: true))
    }
    if role == .writer {
      let publish = RedisCommand("EVAL", Self.publishing, "1", key, configuration.channel, key: key)
      // A user who may not run scripts at all has been reported above.
      if let words = try await ask("check permissions", [publish]).first.flatMap(\.text).map(ReplyVerdict.plainText) {
        problems.append(
          PermissionProblem(
            description: "redis does not let the user announce plans, so they reach scalers later: \(words)",
            isFatal: false))
      }
    }
    switch await trySubscription() {
    case .subscribed: break
    case .refused(let words):
      problems.append(
        PermissionProblem(
          description:
            "redis does not let the user subscribe to \(configuration.channel), so plans are read at intervals and arrive later: \(words)",
          isFatal: false))
    case .unavailable(let problem):
      problems.append(
        PermissionProblem(
          description: "the subscription to \(configuration.channel) could not be tried: \(problem)", isFatal: false))
    }
    return problems
  }

  /// The commands of ``PutScript`` that need a permission of their own, on a key that does not exist.
  private static let storing = """
    redis.call('TIME')
    redis.call('GET', KEYS[1])
    redis.call('SET', KEYS[1], '', 'XX', 'PX', 1)
    return 1
    """

  /// The words of the refusal when the user may not publish, and nothing otherwise. A publication is attempted only where
  /// the server has just said that it will refuse it, to have its words.
  static let publishing = """
    if not redis.acl_check_cmd then return 1 end
    local known, allowed = pcall(redis.acl_check_cmd, 'PUBLISH', ARGV[1], '')
    if known and allowed then return 1 end
    local reply = redis.pcall('PUBLISH', ARGV[1], '')
    if type(reply) == 'table' and reply.err then return reply.err end
    return 1
    """

  /// How a server answers a subscription.
  private enum SubscriptionOutcome {
    case subscribed
    /// In Redis's words.
    case refused(String)
    /// There was no answer, for this reason.
    case unavailable(String)
  }

  /// Subscribes once, and gives the subscription up.
  private func trySubscription() async -> SubscriptionOutcome {
    let (outcomes, outcome) = AsyncStream.makeStream(
      of: SubscriptionOutcome.self, bufferingPolicy: .bufferingOldest(1))
    let limit = client.configuration.callDeadline
    let subscription = client.subscribe(
      client.configuration.channel,
      handler: SubscriptionHandler(
        onSubscribed: { outcome.yield(.subscribed) }, onAway: { outcome.yield(.unavailable($0)) },
        onRefused: { outcome.yield(.refused($0)) }, onMessage: { _ in }))
    let timeout = Task {
      try await Task.sleep(for: limit)
      outcome.yield(.unavailable("no answer within \(DurationText.format(limit))"))
    }
    defer {
      timeout.cancel()
      client.unsubscribe(subscription)
    }
    for await result in outcomes { return result }
    return .unavailable("the store is closed")
  }
}
