import FoundationEssentials
import KedastralCore
import KedastralModels
import KedastralTesting
import Testing

@Suite("In the forecast loop, on a clock that the test moves")
struct LoopTests {
  private let clock = ManualClock(at: start)
  private let source = ScriptedSource(LoadPattern.hourlySpike(base: 80, peak: 600).load(at:))
  private let store = RecordingStore()

  private func makeLoop() throws -> ForecastLoop {
    let shop = try Workload(
      "shop", metric: "orders", source: source, model: .baseline, policy: policy,
      window: .seconds(6 * 3600))
    return ForecastLoop(shop, store: store, clock: clock)
  }

  @Test("half an hour before the spike its size stands in the plan, and not before its time")
  func spike() async throws {
    clock.advance(by: .seconds(35 * 60))
    let snapshot = try await makeLoop().tick()
    #expect(snapshot.desiredReplicas[0] == 2)
    #expect(snapshot.desiredReplicas[29] == 16)
  }

  @Test("while a source fails the plan follows the forecast and names the error; the next answer ends that")
  func failure() async throws {
    let loop = try makeLoop()
    source.play { _ in 300 }
    try await loop.tick()
    clock.advance(by: .seconds(60))
    source.fail(with: TestFailure("503 from the source"))
    #expect(try await loop.tick().problem == "503 from the source")
    source.fail(with: nil)
    #expect(try await loop.tick().problem == nil)
    #expect(store.puts.map { $0.desiredReplicas[0] } == [8, 8, 8])
    #expect(source.askedRanges.count == 3)
  }

  @Test("the loop puts a plan into the store each interval")
  func interval() async throws {
    let loop = try makeLoop()
    let running = Task { await loop.run() }
    for round in 1...3 {
      await clock.waitForOnlySleeper(until: start.addingTimeInterval(30 * Double(round)))
      #expect(store.puts.count == round)
      clock.advance(by: .seconds(30))
    }
    running.cancel()
    await running.value
  }
}
