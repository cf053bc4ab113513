import Foundation
import Synchronization
import Testing

@testable import KedastralCore

@Suite("Ready pods that are counted now")
struct CountedPodsTests {
  private let midnight = Date(timeIntervalSince1970: 1_769_860_800)
  private let minute = Duration.seconds(60)

  private final class Counter: PodCounter {
    let pods: Mutex<RunningPods>

    init(_ ready: Int?) { pods = Mutex(RunningPods(replicas: 9, ready: ready)) }

    func set(_ ready: Int?) { pods.withLock { $0.ready = ready } }
    func runningPods() async throws -> RunningPods { pods.withLock { $0 } }
  }

  private func read(_ source: CountedPods, minutes: Range<Int>) async throws -> [Double?] {
    let range = midnight + minute * minutes.lowerBound..<midnight + minute * minutes.upperBound
    return try await source.samples(in: range, step: minute).values.map { $0.isFinite ? $0 : nil }
  }

  @Test("are the newest sample; what was before the first reading is unknown")
  func first() async throws {
    #expect(try await read(CountedPods(Counter(4), at: CountingPace()), minutes: 0..<3) == [nil, nil, 4])
  }

  @Test("are the same between two readings with the same number, and unknown between others or after a long time")
  func between() async throws {
    let counter = Counter(4)
    let source = CountedPods(counter, at: CountingPace())
    #expect(try await read(source, minutes: 0..<1) == [4])
    #expect(try await read(source, minutes: 1..<4) == [4, 4, 4])
    counter.set(6)
    #expect(try await read(source, minutes: 4..<7) == [nil, nil, 6])
    #expect(try await read(source, minutes: 7..<30).compactMap(\.self) == [6])
  }

  @Test("are unknown where only the number of replicas can be read")
  func unlisted() async throws {
    await #expect(throws: CountedPods.ReadinessUnknown.self) {
      _ = try await read(CountedPods(Counter(nil), at: CountingPace()), minutes: 0..<1)
    }
  }

  @Test("are counted less often the more workloads share the API server, and not at all when there are too many")
  func pace() async throws {
    let pace = CountingPace()
    var sources = (0..<60).map { _ in CountedPods(Counter(4), at: pace) }
    // 60 workloads, two seconds each.
    #expect(try await read(sources[0], minutes: 0..<1) == [4])
    #expect(try await read(sources[0], minutes: 1..<2) == [])
    #expect(try await read(sources[0], minutes: 1..<3) == [4, 4])
    sources += (0..<300).map { _ in CountedPods(Counter(4), at: pace) }
    #expect(try await read(sources[0], minutes: 3..<20) == [])
    sources.removeLast(300)
    #expect(try await read(sources[0], minutes: 3..<6) == [4, 4, 4])
  }
}
