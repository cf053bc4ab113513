import Foundation
import Testing

@testable import KedastralCore

@Suite("Real pods")
struct RealPodsTests {
  private static let start = Date(timeIntervalSince1970: 1_769_860_800)
  private static func instant(_ minutes: Double) -> Date { start + .seconds(minutes * 60) }
  private func series(_ values: [Double], from minute: Double = 0) -> TimeSeries {
    TimeSeries(start: Self.instant(minute), step: .seconds(60), values: values)
  }

  @Test("keeps one entry for each change, and counts until a step after the newest sample")
  func changes() {
    var pods = RealPods()
    pods.add(series([.nan, 3, 3, 4.2]))
    pods.add(series([4, 4, .nan, 5], from: 3))
    #expect(pods.entries.map(\.count) == [3, 4, nil, 5])
    #expect(pods.entries.map(\.instant) == [1, 3, 5, 6].map(Self.instant))
    #expect(pods.count(at: Self.instant(0.5)) == nil)
    #expect(pods.count(at: Self.instant(2.5)) == 3)
    #expect(pods.count(at: Self.instant(5.5)) == nil)
    #expect(pods.count(at: Self.instant(6.9)) == 5)
    #expect(pods.count(at: Self.instant(7)) == nil)
  }

  @Test("the number is unknown between two readings that do not meet")
  func gaps() {
    var pods = RealPods()
    pods.add(series([3, 3]))
    pods.add(series([3, 3], from: 10))
    #expect(pods.count(at: Self.instant(1.5)) == 3)
    #expect(pods.count(at: Self.instant(5)) == nil)
    #expect(pods.count(at: Self.instant(10.5)) == 3)
  }

  @Test("keeps a limited number of changes, and no number below zero")
  func bounds() {
    var pods = RealPods()
    let low: [Double] = (0..<3000).map { Double($0 % 2) - 0.6 }
    pods.add(series(low))
    #expect(pods.entries.map(\.count) == [0])
    let high: [Double] = (0..<3000).map { Double($0 % 2) }
    pods.add(series(high, from: 3000))
    #expect(pods.entries.count == RealPods.capacity)
    #expect(pods.entries.allSatisfy { ($0.count ?? 0) >= 0 })
  }
}
