import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralRedisStore

@Suite("Redis users with few permissions")
struct RedisPermissionTests {
  /// Typical users of administrators, and those of the example.
  private static let users = [
    "app": ["resetchannels", "~*", "+@all"],
    "full": ["&*", "~*", "+@all"],
    "reader": [
      "%R~forecast:*", "resetchannels", "&forecast:updates:*", "-@all", "+ping", "+role", "+select", "+getrange",
      "+subscribe", "+scan",
    ],
    "mute-reader": ["%R~forecast:*", "resetchannels", "-@all", "+getrange", "+scan", "+subscribe"],
    "keyless": ["resetkeys", "&*", "+@all"],
    "half-keyless": ["~forecast:*", "&*", "+@all"],
    "unscripted": ["~*", "&*", "+@all", "-eval"],
    "silent": ["~*", "&*", "+@all", "-publish"],
    "team": ["~forecast:team-*", "&*", "+@all"],
    "deaf": ["~*", "&*", "+@all", "-subscribe"],
  ]

  private func server() async throws -> RedisServer {
    let redis = try await RedisServer()
    for (name, rules) in Self.users {
      #expect(try await redis.cli(["ACL", "SETUSER", name, "on", ">secret"] + rules) == "OK")
    }
    return redis
  }

  private func configuration(_ redis: RedisServer, _ user: String) throws -> RedisConfiguration {
    .quick(try .init(url: "redis://\(user):secret@127.0.0.1:\(redis.port)"))
  }

  /// The connections of a user: a new one has a new id.
  private func connections(of user: String, _ redis: RedisServer) async throws -> Set<Substring> {
    let lines = try await redis.cli("CLIENT", "LIST").split(whereSeparator: \.isNewline)
    return Set(lines.filter { $0.contains(" user=\(user) ") }.compactMap { $0.split(separator: " ").first })
  }

  /// Whether a text contains Redis's error text, for a command or for a command in a script.
  private static func isRefusal(_ text: String) -> Bool {
    text.contains("NOPERM ") || text.contains("ERR The user executing the script can't ")
  }

  private func problems(
    _ redis: RedisServer, _ user: String, _ role: RedisStore.Role, alsoReading prefixes: [String] = []
  ) async throws -> [RedisStore.PermissionProblem] {
    var configuration = try configuration(redis, user)
    configuration.alsoReadPrefixes = prefixes
    let store = try await TestStore(configuration)
    let problems = try await store.store.permissionProblems(of: role)
    // The store is closed when its last reference is released.
    return withExtendedLifetime(store) { problems }
  }

  @Test("finds plans by frequent reads, over the same connections, when the user may not use channels")
  func withoutChannels() async throws {
    let redis = try await server()
    var configuration = try configuration(redis, "app")
    configuration.sweepInterval = .seconds(3600)
    configuration.pollInterval = .milliseconds(100)
    configuration.resubscribe = Backoff(initial: .milliseconds(300), maximum: .milliseconds(300))
    let store = try await TestStore(configuration)
    let heard = Heard(store)
    try await store.put(try snapshot("w"))
    try await eventually("the plan") { heard.latest("w") != nil }
    let warnings = { store.log.lines.filter { $0.hasPrefix("warn redis refuses ") } }
    try await eventually("both refusals in the log") { warnings().count == 2 }
    #expect(warnings().allSatisfy { Self.isRefusal($0) && $0.contains("channel") }, "\(warnings())")

    let before = try await connections(of: "app", redis)
    #expect(before.count == 2)
    try await redis.cli("CONFIG", "RESETSTAT")
    try await eventually("ten more readings") { try await redis.sweeps(keys: 1) >= 10 }
    try await store.put(try snapshot("w", at: noon + .seconds(1), replicas: 7))
    try await eventually("the next plan") { heard.latest("w")?.desiredReplicas == [7] }
    #expect(try await connections(of: "app", redis) == before)
    #expect(warnings().count == 2, "each refusal is logged once")
  }

  @Test("subscribes without a restart when a channel is permitted later, and handles a new refusal")
  func grantedLater() async throws {
    let redis = try await server()
    var configuration = try configuration(redis, "app")
    configuration.sweepInterval = .seconds(3600)
    configuration.pollInterval = .milliseconds(50)
    configuration.resubscribe = Backoff(initial: .milliseconds(50), maximum: .milliseconds(50))
    let store = try await TestStore(configuration)
    let heard = Heard(store)
    try await eventually("the refusal") { store.log.lines.contains { $0.contains("redis refuses SUBSCRIBE") } }
    try await redis.cli("ACL", "SETUSER", "app", "&forecast:updates:*")
    try await eventually("the subscription") {
      store.log.lines.contains { $0.contains("redis permits SUBSCRIBE again") }
    }
    try await store.put(try snapshot("w"))
    try await eventually("the message") { heard.latest("w") != nil }
    // Redis closes connections that subscribe to a channel that is no longer permitted.
    try await redis.cli("ACL", "SETUSER", "app", "resetchannels")
    try await store.put(try snapshot("w", at: noon + .seconds(1), replicas: 7))
    try await eventually("the next plan, by reading") { heard.latest("w")?.desiredReplicas == [7] }
  }

  @Test("the store is unhealthy, with Redis's error text, while the user may not read")
  func keyless() async throws {
    let redis = try await server()
    try await redis.cli("SET", "forecast:w", String(decoding: try snapshot("w").json(), as: UTF8.self))
    var configuration = try configuration(redis, "keyless")
    configuration.sweepInterval = .seconds(3600)
    configuration.pollInterval = .milliseconds(50)
    let store = try await TestStore(configuration)
    let heard = Heard(store)
    try await eventually("the problem") {
      store.health.problem?.hasPrefix("redis does not let the user read plans: NOPERM") == true
    }
    try await redis.cli("ACL", "SETUSER", "keyless", "~*")
    try await eventually("the plan") { heard.latest("w") != nil }
    try await eventually("health") { store.health == .reachable }
  }

  @Test("judges permissions by the role: fatal, or only delaying plans")
  func roles() async throws {
    let redis = try await server()
    let expected: [(user: String, role: RedisStore.Role, fatal: [String], delays: [String])] = [
      ("full", .writer, [], []), ("full", .reader, [], []),
      ("app", .writer, [], ["announce plans", "subscribe to forecast:updates:0"]),
      ("app", .reader, [], ["subscribe to forecast:updates:0"]),
      ("reader", .reader, [], []),
      ("reader", .writer, ["store plans", "store models", "remove plans"], ["keep histories"]),
      ("mute-reader", .reader, [], ["subscribe to"]),
      ("keyless", .reader, ["read plans under forecast:"], []),
      ("keyless", .writer, ["read plans", "store plans", "store models", "remove plans"], ["keep histories"]),
      ("unscripted", .writer, ["store plans"], []), ("unscripted", .reader, [], []),
      ("silent", .writer, [], ["announce plans"]), ("silent", .reader, [], []),
      ("deaf", .reader, [], ["subscribe to"]),
    ]
    for (user, role, fatal, delays) in expected {
      let found = try await problems(redis, user, role)
      for (isFatal, parts) in [(true, fatal), (false, delays)] {
        let descriptions = found.filter { $0.isFatal == isFatal }.map(\.description)
        #expect(descriptions.count == parts.count, "\(user) \(role): \(descriptions)")
        for (description, part) in zip(descriptions, parts) {
          #expect(description.hasPrefix("redis does not let the user \(part)"), "\(user) \(role): \(description)")
          #expect(Self.isRefusal(description), "\(user) \(role): \(description)")
        }
      }
    }
    let prefixes = ["kedastral:snapshot:"]
    let foreign = try await problems(redis, "half-keyless", .reader, alsoReading: prefixes)
    #expect(foreign.map(\.isFatal) == [true])
    #expect(foreign.first?.description.contains("read plans under kedastral:snapshot:: NOPERM") == true)
    #expect(try await problems(redis, "full", .reader, alsoReading: prefixes).isEmpty)
  }

  @Test("a user that is permitted only some workloads serves these, and is healthy")
  func someWorkloads() async throws {
    let redis = try await server()
    let all = try await TestStore(.loopback(redis.port))
    for name in ["team-a", "team-b", "other"] { try await all.put(try snapshot(name)) }
    var configuration = try configuration(redis, "team")
    configuration.sweepInterval = .milliseconds(50)
    let store = try await TestStore(configuration)
    let heard = Heard(store)
    try await eventually("its plans") { heard.count == 2 }
    try await eventually("a warning") {
      store.log.lines.contains { $0.contains("redis refuses reading some plans") && $0.contains("forecast:other") }
    }
    #expect(store.health == .reachable && heard.latest("other") == nil)
    let scaler = try await store.store.permissionProblems(of: .reader)
    #expect(scaler.map(\.isFatal) == [false])
    #expect(scaler.first?.description.contains("only some of the plans under forecast:: NOPERM") == true, "\(scaler)")
    #expect(try await store.store.permissionProblems(of: .writer, workload: WorkloadName("team-a")).isEmpty)
    let foreign = try await store.store.permissionProblems(of: .writer, workload: WorkloadName("other"))
    #expect(foreign.contains { $0.isFatal && $0.description.contains("store plans") })
  }

  @Test("the users of the example's ACL file have the permissions that their roles need")
  func exampleUsers() async throws {
    let folder = try TemporaryFolder()
    let path = "Examples/multi-app-redis/kubernetes/overlays/acl/users.acl"
    let users = try String(contentsOf: Repository.root.appendingPathComponent(path), encoding: .utf8)
    let file = try folder.write(users.replacing(/@[a-z]+@/, with: "secret"), to: "users.acl")
    let redis = try await RedisServer(["--aclfile", file], cli: ["-a", "secret", "--no-auth-warning"])
    #expect(try await problems(redis, "writer", .writer).isEmpty)
    #expect(try await problems(redis, "reader", .reader).isEmpty)
    #expect(try await !problems(redis, "reader", .writer).isEmpty)
  }

  @Test("checking permissions publishes and stores nothing")
  func withoutEffect() async throws {
    let redis = try await server()
    let listener = try ChildProcess("redis-cli", "-p", "\(redis.port)", "PSUBSCRIBE", "*")
    try await eventually("the listener") { listener.output.contains("psubscribe") }
    for user in Self.users.keys.sorted() {
      for role in [RedisStore.Role.writer, .reader] { _ = try await problems(redis, user, role) }
    }
    try await redis.cli("PUBLISH", "end", "of the test")
    try await eventually("the end") { listener.output.contains("of the test") }
    #expect(listener.output.split(whereSeparator: \.isNewline).count { $0.contains("pmessage") } == 1)
    #expect(try await redis.cli("DBSIZE").filter(\.isNumber) == "0")
    #expect(try await redis.cli("PUBSUB", "CHANNELS").isEmpty, "no subscription is left")
  }

  @Test("does not publish to a server that cannot check the permission, as before Redis 7")
  func withoutACLCheck() async throws {
    let redis = try await server()
    let listener = try ChildProcess("redis-cli", "-p", "\(redis.port)", "PSUBSCRIBE", "*")
    try await eventually("the listener") { listener.output.contains("psubscribe") }
    let script = RedisStore.publishing.replacing("redis.acl_check_cmd", with: "redis.no_such_function")
    #expect(try await redis.cli("EVAL", script, "1", "forecast:@check", "forecast:updates:0").hasSuffix("1"))
    try await redis.cli("PUBLISH", "end", "of the test")
    try await eventually("the end") { listener.output.contains("of the test") }
    #expect(!listener.output.contains("forecast:updates:0"))
  }

  @Test("a server that refuses a second connection is unavailable for the subscription, not refusing the user")
  func unavailable() async throws {
    let redis = try await RedisServer(["--maxclients", "1"])
    let store = try await TestStore(.loopback(redis.port))
    let found = try await store.store.permissionProblems(of: .reader)
    #expect(found.map(\.isFatal) == [false])
    let words = try #require(found.first?.description)
    #expect(words.hasPrefix("the subscription to forecast:updates:0 could not be tried: "), "\(words)")
    #expect(words.contains("max number of clients") && !words.contains("does not let the user"), "\(words)")
  }

  @Test("reads frequently from a server without the channel commands, as some services offer it")
  func withoutPubSub() async throws {
    let redis = try await RedisServer(["--rename-command", "SUBSCRIBE", "", "--rename-command", "PUBLISH", ""])
    var configuration = RedisConfiguration.loopback(redis.port)
    configuration.sweepInterval = .seconds(3600)
    configuration.pollInterval = .milliseconds(50)
    let store = try await TestStore(configuration)
    let heard = Heard(store)
    for replicas in 1...3 {
      let plan = try snapshot("w", at: noon + .seconds(replicas), replicas: replicas)
      try await store.put(plan)
      try await eventually("plan \(replicas)") { heard.latest("w") == plan }
    }
    let found = try await store.store.permissionProblems(of: .writer)
    #expect(found.map(\.isFatal) == [false, false])
    for (problem, part) in zip(found, ["announce plans", "subscribe to"]) {
      #expect(problem.description.contains(part) && problem.description.contains(": ERR "), "\(problem)")
    }
  }
}
