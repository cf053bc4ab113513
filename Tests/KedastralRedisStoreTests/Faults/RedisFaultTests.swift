import Foundation
import KedastralCore
import KedastralNet
import KedastralRedisStore
import KedastralTesting
import TestSupport
import Testing

@Suite("Redis store during faults")
struct RedisFaultTests {
  private func quiet(_ port: UInt16) -> RedisConfiguration {
    var configuration = RedisConfiguration.loopback(port)
    // No sweeps except those after a lost connection.
    configuration.sweepInterval = .seconds(3600)
    return configuration
  }

  private func problem(of store: TestStore) async throws -> String {
    let error = await #expect(throws: ForecastStoreError.self) { try await store.put(try snapshot("w")) }
    return error?.problem ?? ""
  }

  @Test("keeps serving plans when Redis is killed with its data, and they are stored again without a restart")
  func killed() async throws {
    let redis = try await RedisServer()
    let writer = try await TestStore(quiet(redis.port))
    let reader = try await TestStore(quiet(redis.port))
    let heard = Heard(reader)
    try await writer.put(try snapshot("a"))
    try await writer.put(try snapshot("b"))
    try await eventually("both") { heard.count == 2 }
    redis.kill()
    try await eventually("both to notice") { reader.health != .reachable && writer.health != .reachable }
    #expect(reader.health.problem?.contains("127.0.0.1:\(redis.port)") == true)
    // This call waits for the server and succeeds.
    async let stored = writer.put(try snapshot("a", at: noon + .seconds(1)))
    try await redis.restart()
    #expect(try await stored == .stored)
    try await eventually("the news") { heard.latest("a")?.generatedAt == noon + .seconds(1) }
    #expect(heard.latest("b") != nil)
    try await eventually("the reader's health") { reader.health == .reachable }
  }

  @Test("calls to a frozen server fail at their deadline, and succeed again when it continues")
  func frozen() async throws {
    let redis = try await RedisServer()
    var configuration = quiet(redis.port)
    let reader = try await TestStore(configuration)
    configuration.callDeadline = .milliseconds(300)
    configuration.connectDeadline = .milliseconds(300)
    let writer = try await TestStore(configuration)
    let heard = Heard(reader)
    try await eventually("the first") {
      _ = try? await writer.put(try snapshot("w"))
      return heard.latest("w") != nil
    }
    redis.signal(SIGSTOP)
    #expect(try await problem(of: writer).hasPrefix("no answer within 300ms"))
    try await eventually("the store to say so") { writer.health.problem != nil }
    #expect(heard.latest("w") != nil)
    redis.signal(SIGCONT)
    try await eventually("the next to be stored and heard") {
      _ = try? await writer.put(try snapshot("w", at: noon + .seconds(1)))
      return heard.latest("w")?.generatedAt == noon + .seconds(1)
    }
  }

  @Test("calls beyond the limit of queued bytes fail at once")
  func boundedMemory() async throws {
    var configuration = RedisConfiguration.loopback(freePort())
    configuration.maximumWaitingBytes = 10_000
    configuration.callDeadline = .seconds(2)
    let store = try await TestStore(configuration)
    let problems = await withTaskGroup(of: String.self) { group in
      for index in 0..<100 {
        group.addTask {
          do {
            try await store.put(try snapshot("w\(index)"))
            return ""
          } catch { return "\(error)" }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let refused = problems.filter { $0.contains("bytes wait already") }
    #expect(refused.count > 80)
    #expect(problems.count { $0.contains("no connection within 2s") } == 100 - refused.count)
  }

  @Test("reports the error of a server without free memory, and stores again when memory is free")
  func outOfMemory() async throws {
    let redis = try await RedisServer()
    let store = try await TestStore(quiet(redis.port))
    try await redis.cli("CONFIG", "SET", "maxmemory", "1")
    #expect(try await problem(of: store).hasPrefix("OOM command not allowed"))
    try await redis.cli("CONFIG", "SET", "maxmemory", "0")
    #expect(try await store.put(try snapshot("w")) == .stored)
  }

  @Test("retries writes on a read-only server until it accepts them")
  func readOnly() async throws {
    let redis = try await RedisServer()
    var configuration = quiet(redis.port)
    let store = try await TestStore(configuration)
    try await redis.cli("REPLICAOF", "127.0.0.1", "\(freePort())")
    configuration.callDeadline = .milliseconds(500)
    let hasty = try await TestStore(configuration)
    try await eventually("the refusal") { try await problem(of: hasty).contains("READONLY") }
    async let stored = store.put(try snapshot("w"))
    try await redis.cli("REPLICAOF", "NO", "ONE")
    #expect(try await stored == .stored)
  }

  @Test("retries while the server is loading its data")
  func loading() async throws {
    let redis = try await RedisServer([
      "--key-load-delay", "50000", "--save", "3600 1", "--loading-process-events-interval-bytes", "1024",
    ])
    var configuration = quiet(redis.port)
    let store = try await TestStore(configuration)
    for index in 0..<60 { try await store.put(try snapshot("w\(index)")) }
    #expect(try await redis.cli("SAVE") == "OK")
    configuration.callDeadline = .milliseconds(400)
    let hasty = try await TestStore(configuration)
    try await redis.restart(waiting: false)
    try await eventually("loading") { hasty.health.problem?.contains("LOADING") == true }
    #expect(try await problem(of: hasty).contains("LOADING"))
    #expect(try await store.put(try snapshot("w", at: noon + .seconds(1))) == .stored)
    #expect(try await store.get(WorkloadName("w59")) != nil)
  }

  @Test(
    "no plan is lost when a proxy cuts, corrupts or drops replies",
    arguments: [
      .cut(after: 9), .cut(after: 3), .garbage("HTTP/1.1 502 Bad Gateway\r\n\r\n"), .garbage("*1000000000\r\n"),
      .silence,
    ]
      as [FaultyProxy.Fault])
  func proxy(fault: FaultyProxy.Fault) async throws {
    let redis = try await RedisServer()
    let proxy = try await FaultyProxy(to: redis.port)
    var configuration = quiet(proxy.port)
    configuration.connectDeadline = .seconds(1)
    let store = try await TestStore(configuration)
    let heard = Heard(store)
    try await store.put(try snapshot("w"))
    try await eventually("the first") { heard.latest("w") != nil }
    try await proxy.set(fault)
    async let stored = store.put(try snapshot("w", at: noon + .seconds(1)))
    try await eventually("the fault to be noticed") { store.health != .reachable }
    try await proxy.set(.none)
    #expect(try await stored == .stored)
    try await eventually("the second") { heard.latest("w")?.generatedAt == noon + .seconds(1) }
    #expect(heard.all.count == 2)
  }

  @Test("matches late replies to their calls")
  func delays() async throws {
    let redis = try await RedisServer()
    let proxy = try await FaultyProxy(to: redis.port)
    try await proxy.set(.delay(.milliseconds(100)))
    let store = try await TestStore(quiet(proxy.port))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<50 {
        group.addTask {
          let own = try snapshot("w\(index)", replicas: index)
          try await store.put(own)
          #expect(try await store.get(own.workload) == own)
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("random kills, freezes and cuts never restore an older plan, and the newest is served in the end")
  func randomSchedule() async throws {
    let environment = ProcessInfo.processInfo.environment
    let rounds = environment["KEDASTRAL_REDIS_SCHEDULES"].flatMap { Int($0) } ?? 1
    for seed in 0..<rounds { try await runSchedule(seed: UInt64(seed)) }
  }

  private func runSchedule(seed: UInt64) async throws {
    var random = SeededSchedule(seed: seed)
    let redis = try await RedisServer()
    let proxy = try await FaultyProxy(to: redis.port)
    var configuration = quiet(proxy.port)
    configuration.callDeadline = .milliseconds(500)
    configuration.connectDeadline = .milliseconds(300)
    let reader = try await TestStore(configuration)
    let writers = [try await TestStore(configuration), try await TestStore(configuration)]
    let heard = Heard(reader)
    var second = 0
    for _ in 0..<25 {
      switch random.next(6) {
      case 0: try await redis.restart()
      case 1: redis.signal(SIGSTOP)
      case 2: try await proxy.set(.cut(after: random.next(60) + 1))
      case 3: try await proxy.set(.garbage("?"))
      default: break
      }
      for writer in writers {
        second += 1
        // The plan of a paused writer arrives late: it is one second older than the stored one.
        let late = random.next(3) == 0 ? 2 : 0
        _ = try? await writer.put(try snapshot("w", at: noon + .seconds(second - late), replicas: second - late))
      }
      redis.signal(SIGCONT)
      try await proxy.set(.none)
    }
    let last = try snapshot("w", at: noon + .seconds(second + 1), replicas: second + 1)
    try await eventually("the last plan to be stored (seed \(seed))") {
      (try? await writers[0].put(last)) == .stored
    }
    try await eventually("the last plan (seed \(seed))") { heard.latest("w") == last }
    let instants = heard.all.compactMap { if case .put(let snapshot) = $0 { snapshot.generatedAt } else { nil } }
    #expect(instants == instants.sorted(), "seed \(seed)")
  }
}

/// Random numbers that depend only on a seed.
private struct SeededSchedule {
  private var generator: SeededGenerator
  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
  mutating func next(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
}
