import Foundation
import KedastralCore
import KedastralMemoryStore
import KedastralTesting
import Testing

@Suite("Memory store")
struct MemoryStoreTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)

  private func snapshot(_ name: String, at instant: Date, replicas: Int = 1) throws -> Snapshot {
    try Snapshot(
      workload: try WorkloadName(name), metric: "rps", generatedAt: instant, step: .seconds(60), horizon: .seconds(60),
      values: [1], desiredReplicas: [replicas])
  }

  @Test("gets, lists and removes what was put")
  func roundTrip() async throws {
    let store = MemoryStore(clock: ManualClock(at: noon))
    let b = try snapshot("b", at: noon)
    #expect(await store.put(b) == .stored)
    #expect(await store.put(try snapshot("a", at: noon)) == .stored)
    #expect(await store.get(b.workload) == b)
    #expect(await store.list().map(\.text) == ["a", "b"])
    await store.remove(b.workload)
    #expect(await store.get(b.workload) == nil)
    #expect(await store.list().map(\.text) == ["a"])
  }

  @Test("keeps the last session state until its workload is removed")
  func state() async throws {
    let store = MemoryStore()
    let (a, b) = (try WorkloadName("a"), try WorkloadName("b"))
    for text in ["first", "second"] { await store.putState(Data(text.utf8), of: a) }
    #expect(await store.state(of: a) == Data("second".utf8))
    #expect(await store.state(of: b) == nil)
    #expect(await store.list().isEmpty, "a state is not a plan")
    await store.remove(a)
    #expect(await store.state(of: a) == nil)
  }

  @Test("an older snapshot never replaces a newer one")
  func newerStays() async throws {
    let store = MemoryStore(clock: ManualClock(at: noon))
    let newer = try snapshot("w", at: noon + .seconds(30))
    await store.put(newer)
    #expect(await store.put(try snapshot("w", at: noon)) == .superseded)
    #expect(await store.get(newer.workload) == newer)
  }

  @Test("a snapshot dated ahead of the clock does not block others")
  func fromTheFuture() async throws {
    let store = MemoryStore(clock: ManualClock(at: noon))
    await store.put(try snapshot("w", at: noon + .seconds(3600)))
    let right = try snapshot("w", at: noon)
    #expect(await store.put(right) == .stored)
    #expect(await store.get(right.workload) == right)
  }

  @Test("a snapshot that is not stored again expires")
  func expires() async throws {
    let clock = ManualClock(at: noon)
    let store = MemoryStore(timeToLive: .seconds(100), clock: clock)
    let kept = try snapshot("w", at: noon)
    await store.put(kept)
    clock.advance(by: .seconds(99))
    #expect(await store.get(kept.workload) == kept)
    clock.advance(by: .seconds(1))
    #expect(await store.get(kept.workload) == nil)
    #expect(await store.list().isEmpty)
  }

  @Test("a listener receives all stored snapshots, then every change")
  func updates() async throws {
    let store = MemoryStore(clock: ManualClock(at: noon))
    let first = try snapshot("a", at: noon)
    let second = try snapshot("b", at: noon)
    await store.put(first)
    var updates = store.updates().makeAsyncIterator()
    #expect(await updates.next() == .put(first))
    await store.put(second)
    #expect(await updates.next() == .put(second))
    await store.remove(first.workload)
    #expect(await updates.next() == .removed(first.workload))
  }

  @Test("a slow listener receives the newest snapshot of every workload")
  func slowListener() async throws {
    let store = MemoryStore(clock: ManualClock(at: noon))
    var updates = store.updates().makeAsyncIterator()
    for second in 0..<100 {
      for name in ["a", "b", "c"] { await store.put(try snapshot(name, at: noon + .seconds(second), replicas: second)) }
    }
    var seen: [String: Int] = [:]
    for _ in 0..<3 {
      guard case .put(let snapshot) = await updates.next() else { continue }
      seen[snapshot.workload.text] = snapshot.desiredReplicas[0]
    }
    #expect(seen == ["a": 99, "b": 99, "c": 99])
  }

  @Test("a cancelled listener ends, and the store continues without it")
  func cancelledListener() async throws {
    let store = MemoryStore(clock: ManualClock(at: noon))
    let listener = Task {
      var count = 0
      for await _ in store.updates() { count += 1 }
      return count
    }
    listener.cancel()
    #expect(await listener.value == 0)
    #expect(await store.put(try snapshot("a", at: noon)) == .stored)
  }

  @Test("many writers and readers at once lose nothing")
  func concurrency() async throws {
    let clock = ManualClock(at: noon)
    let store = MemoryStore(clock: clock)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<8 {
        group.addTask {
          for round in 0..<200 {
            let name = "w\((worker * 200 + round) % 100)"
            await store.put(try self.snapshot(name, at: self.noon + .seconds(round)))
            let present = await store.get(try WorkloadName(name))
            #expect(present != nil)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(await store.list().count == 100)
  }
}
