import Foundation
import KedastralCore
import Testing

@testable import KedastralSources

@Suite("The load of pushed points")
struct PushedLoadTests {
  /// A whole minute, and a whole multiple of ten minutes.
  private static let zero = 1_800_000_000.0
  private var load = PushedLoad(step: .seconds(60), capacity: 1_000)

  /// Adds a point of the series `pod`, `second` seconds after the start; it is received at once.
  private mutating func add(
    _ value: Double, _ meaning: PushedPoint.Meaning, at second: Double, pod: String = "a", received: Double? = nil
  ) -> PushRejection? {
    load.add(
      PushedPoint(
        metric: "m", attributes: ["pod": pod], instant: Self.zero + second, value: value, meaning: meaning),
      at: Date(timeIntervalSince1970: Self.zero + (received ?? second)))
  }

  /// The load of the steps that end in the given minutes; NaN where it is missing.
  private mutating func loads(_ minutes: ClosedRange<Int>, at second: Double) -> [Double] {
    let start = Date(timeIntervalSince1970: Self.zero + Double(minutes.lowerBound) * 60)
    let end = start + Double(minutes.count) * 60 - 1
    return load.samples(in: start..<end, at: Date(timeIntervalSince1970: Self.zero + second)).values
  }

  private func start(_ second: Double) -> Double { Self.zero + second }

  @Test("converts a cumulative count into its growth per second")
  mutating func total() {
    for minute in 0...3 {
      #expect(add(Double(600 * minute + 5), .total(start: nil), at: Double(minute) * 60) == nil)
    }
    #expect(loads(1...3, at: 180) == [10, 10, 10])
  }

  @Test("counts a young sum from its start, and takes the first point of an old one as the baseline")
  mutating func firstPoint() {
    #expect(add(1_200, .total(start: start(0)), at: 60) == nil)
    #expect(add(9_000, .total(start: start(-4_000)), at: 60, pod: "old") == nil)
    #expect(loads(1...1, at: 60) == [20])
  }

  @Test("counts from zero when a sum's value falls", arguments: [nil, PushedLoadTests.zero - 100])
  mutating func fall(start: Double?) {
    _ = add(6_000, .total(start: start), at: 0)
    _ = add(6_600, .total(start: start), at: 60)
    _ = add(300, .total(start: start), at: 120)
    #expect(loads(1...2, at: 120) == [10, 5])
  }

  @Test("counts from a sum's new start even when its value is above the old one")
  mutating func newStart() {
    _ = add(100, .total(start: start(-1_000)), at: 0)
    _ = add(100, .total(start: start(-1_000)), at: 60)
    _ = add(600, .total(start: start(90)), at: 120)
    #expect(loads(1...2, at: 120) == [0, 20])
  }

  @Test("leaves a gap in a sum that was silent for more than five minutes")
  mutating func silence() {
    _ = add(0, .total(start: nil), at: 0)
    _ = add(600, .total(start: nil), at: 60)
    _ = add(90_000, .total(start: nil), at: 420)
    _ = add(90_600, .total(start: nil), at: 480)
    let loads = loads(1...8, at: 480)
    #expect(loads[0] == 10 && loads[7] == 10)
    #expect(loads[1...6].allSatisfy { $0.isNaN })
  }

  @Test("divides a delta by the time that it spans, over the steps that this covers")
  mutating func delta() {
    _ = add(1_200, .increase(start: start(0)), at: 120)
    _ = add(600, .increase(start: start(120)), at: 180)
    #expect(loads(1...3, at: 180) == [10, 10, 10])
  }

  @Test("adds a delta that comes late, and a repeated one only once")
  mutating func lateDelta() {
    #expect(add(600, .increase(start: start(60)), at: 120) == nil)
    #expect(add(300, .increase(start: start(0)), at: 60, received: 130) == nil)
    #expect(add(300, .increase(start: start(0)), at: 60, received: 140) == .duplicate)
    #expect(loads(1...2, at: 140) == [5, 10])
  }

  @Test("adds deltas up that several senders push without a distinguishing attribute")
  mutating func sameIdentity() {
    _ = add(600, .increase(start: start(0)), at: 60)
    _ = add(600, .increase(start: start(-1)), at: 59.5, received: 60)
    let load = loads(1...1, at: 60)[0]
    #expect(load > 18 && load <= 20)
  }

  @Test("ignores a total or level that is repeated or older than the newest of its series")
  mutating func order() {
    #expect(add(10, .level, at: 60) == nil)
    #expect(add(10, .level, at: 60) == .duplicate)
    #expect(add(99, .level, at: 30, received: 60) == .late)
    #expect(add(10, .level, at: 120) == nil)
    #expect(loads(1...2, at: 120) == [10, 10])
  }

  @Test("refuses times that are missing, too old or ahead, and values that are not finite")
  mutating func refusals() {
    #expect(add(1, .level, at: 61, received: 0) == .time)
    #expect(add(1, .level, at: -Self.zero, received: 0) == .time)
    #expect(add(1, .level, at: .nan, received: 0) == .time)
    #expect(add(1, .level, at: -700, received: 0) == .late)
    #expect(add(.nan, .level, at: 0) == .value)
    #expect(add(.infinity, .level, at: 0) == .value)
    #expect(add(1, .level, at: -500, received: 0) == nil)
  }

  @Test("sums all series, each with its mean in the step")
  mutating func sum() {
    for second in stride(from: 0.0, through: 120, by: 30) {
      _ = add(4, .level, at: second)
      _ = add(second > 60 ? 9 : 3, .level, at: second, pod: "b")
    }
    #expect(loads(1...2, at: 120) == [7, 13])
  }

  @Test("keeps the value of a series that pushes a little later than the others")
  mutating func carried() {
    for minute in 0...3 {
      _ = add(10, .level, at: Double(minute) * 60 + 10, pod: "late")
      _ = add(5, .level, at: Double(minute) * 60 + 60)
    }
    // At 240 s, pod "late" has only reached 190 s: less than half of the newest step.
    #expect(loads(2...4, at: 240) == [15, 15, 15])
  }

  @Test("ends a series that is overdue, back to where it was")
  mutating func overdue() {
    for minute in 0...7 {
      let second = Double(minute) * 60
      if minute <= 2 { _ = add(10, .level, at: second, pod: "gone") }
      _ = add(5, .level, at: second)
      if minute == 4 { #expect(loads(1...4, at: second) == [15, 15, 15, 15]) }
    }
    #expect(loads(1...7, at: 420) == [15, 15, 5, 5, 5, 5, 5])
  }

  @Test("ends a series at once whose end is marked")
  mutating func marked() {
    for minute in 0...3 {
      let second = Double(minute) * 60
      if minute <= 2 { _ = add(10, .level, at: second, pod: "gone") }
      if minute == 3 { #expect(add(0, .end, at: second, pod: "gone") == nil) }
      _ = add(5, .level, at: second)
    }
    #expect(loads(1...3, at: 180) == [15, 15, 5])
  }

  @Test("has no newer samples once pushes stop")
  mutating func stopped() {
    for minute in 0...2 { _ = add(5, .level, at: Double(minute) * 60) }
    let loads = loads(1...20, at: 1_200)
    #expect(loads.prefix(2) == [5, 5])
    #expect(loads.dropFirst(2).allSatisfy { $0.isNaN })
  }

  @Test("loses nothing of a sum when a sender sends again all that it could not send for nine minutes")
  mutating func backlog() {
    _ = add(0, .total(start: nil), at: 0)
    _ = add(0, .total(start: nil), at: 0, pod: "b")
    // One series after the other, as the shards of a queue send them.
    for pod in ["a", "b"] {
      for minute in 1...9 {
        #expect(add(Double(minute * 60), .total(start: nil), at: Double(minute) * 60, pod: pod, received: 545) == nil)
      }
    }
    #expect(loads(1...9, at: 545) == Array(repeating: 2, count: 9))
  }

  @Test("keeps settled steps, at most as many as its capacity and an eighth")
  mutating func capacity() {
    load = PushedLoad(step: .seconds(60), capacity: 40)
    for minute in 0...200 { _ = add(Double(minute), .level, at: Double(minute) * 60) }
    let loads = loads(1...200, at: 12_000)
    // The steps of the last ten minutes come in addition.
    #expect(loads.count { $0.isFinite } <= 55)
    #expect(loads.suffix(40) == (161...200).map(Double.init)[...])
  }

  @Test("limits the number of series, and lets go of those that have ended")
  mutating func series() {
    for pod in 0..<PushedLoad.mostSeries { _ = add(1, .level, at: 0, pod: "\(pod)") }
    #expect(add(1, .level, at: 0, pod: "more") == .series)
    #expect(add(1, .level, at: 1_100, pod: "more") == nil)
    #expect(load.seriesCount == 1)
  }
}
