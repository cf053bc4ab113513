import Foundation
import KedastralTesting
import Testing

@testable import KedastralCore

@Suite("Samples while pods are starting")
struct StartingPodsFilterTests {
  private static let midnight = Date(timeIntervalSince1970: 1_769_860_800)
  private let minute = Duration.seconds(60)
  private let clock = ManualClock(at: Self.midnight)

  private struct Identified: IdentifiedSource {
    let base: ScriptedSource
    let loadIdentity = "cpu"
    let hasPast = false
    func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
      try await base.samples(in: range, step: step)
    }
  }

  private static func minutes(_ instant: Date) -> Int { Int(instant.timeIntervalSince(midnight) / 60) }

  private func filter(_ starting: ScriptedSource) throws -> StartingPodsFilter {
    StartingPodsFilter(
      Identified(base: ScriptedSource { Double(Self.minutes($0)) }), of: try WorkloadName("web"), starting: starting,
      clock: clock, logger: .silent)
  }

  /// The minutes whose samples are left.
  private func read(_ source: StartingPodsFilter, _ minutes: Range<Int>) async throws -> [Int] {
    let range = Self.midnight + minute * minutes.lowerBound..<Self.midnight + minute * minutes.upperBound
    return try await source.samples(in: range, step: minute).values.filter(\.isFinite).map { Int($0) }
  }

  @Test("are left out, with the one after; where the number is unknown, samples count")
  func starting() async throws {
    let source = try filter(ScriptedSource { Self.minutes($0) == 2 ? 1 : Self.minutes($0) == 5 ? .nan : 0 })
    #expect(try await read(source, 0..<7) == [0, 1, 4, 5, 6])
    #expect(source.loadIdentity == "cpu\nwithout starting pods" && !source.hasPast)
  }

  @Test("are left out again when they are read again and the number of that time is not known any more")
  func again() async throws {
    let starting = ScriptedSource { Self.minutes($0) == 2 ? 3 : .nan }
    let source = try filter(starting)
    #expect(try await read(source, 1..<3) == [1])
    starting.play { _ in .nan }
    #expect(try await read(source, 1..<6) == [1, 4, 5])
  }

  @Test("count again after ten minutes in a row: pods that do not become ready hide no load")
  func bounded() async throws {
    let source = try filter(ScriptedSource { Self.minutes($0) >= 3 ? 1 : 0 })
    #expect(try await read(source, 0..<6) == [0, 1, 2])
    // The time is the same when only its end is read.
    #expect(try await read(source, 5..<16) == [13, 14, 15])
    #expect(try await read(source, 14..<18) == [14, 15, 16, 17])
  }

  @Test("count while the number of starting pods cannot be read")
  func failing() async throws {
    let starting = ScriptedSource { _ in 1 }
    let source = try filter(starting)
    starting.fail(with: TestFailure("503"))
    #expect(try await read(source, 0..<3) == [0, 1, 2])
    starting.fail(with: nil)
    #expect(try await read(source, 0..<3) == [])
  }
}
