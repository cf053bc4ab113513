import Foundation
import Testing

@testable import KedastralCore

@Suite("Turns to read and fit histories")
struct LearningScheduleTests {
  private func name(_ number: Int) throws -> WorkloadName { try WorkloadName("w\(number)") }

  @Test("no turn begins before all first rounds have ended")
  func firstPlansFirst() throws {
    var schedule = LearningSchedule()
    schedule.begins(try name(1))
    schedule.begins(try name(2))
    schedule.wait(1, for: .read, priority: 1)
    schedule.hasBegun(try name(1))
    #expect(schedule.next() == [])
    schedule.hasBegun(try name(2))
    #expect(schedule.next() == [1])
  }

  @Test("a workload that is removed before its first round holds nothing back")
  func removed() throws {
    var schedule = LearningSchedule()
    schedule.begins(try name(1))
    schedule.wait(1, for: .read, priority: 1)
    schedule.forget(try name(1))
    #expect(schedule.next() == [1])
  }

  @Test("one fit at a time, and the highest priority first")
  func oneFit() throws {
    var schedule = LearningSchedule()
    for (ticket, priority) in [(1, 1.0), (2, 5), (3, 5)] { schedule.wait(ticket, for: .fit, priority: priority) }
    #expect(schedule.next() == [2])
    #expect(schedule.next() == [])
    schedule.ended(.fit)
    #expect(schedule.next() == [3])
    schedule.ended(.fit)
    #expect(schedule.next() == [1])
  }

  @Test("who gives up gets no turn")
  func cancelled() {
    var schedule = LearningSchedule()
    schedule.wait(1, for: .fit, priority: 1)
    schedule.wait(2, for: .fit, priority: 1)
    schedule.cancel(1)
    #expect(schedule.next() == [2])
  }

  @Test("progress counts from the time when none was learning")
  func progress() throws {
    var schedule = LearningSchedule()
    #expect(schedule.progress == nil)
    for number in 1...3 { schedule.learns(try name(number)) }
    schedule.learned(try name(1))
    #expect(schedule.progress?.learned == 1)
    #expect(schedule.progress?.of == 3)
    schedule.learned(try name(2))
    schedule.forget(try name(3))
    #expect(schedule.progress == nil)
    schedule.learns(try name(4))
    #expect(schedule.progress?.of == 1)
  }

  @Test("rising and large loads are learned before flat and small ones")
  func priorities() {
    func series(_ values: [Double]) -> TimeSeries {
      TimeSeries(start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: values)
    }
    let flat = series(Array(repeating: 10, count: 40))
    let rising = series((0..<40).map { Double($0) })
    #expect(LearningPriority.of([rising], replicas: 2) > LearningPriority.of([flat], replicas: 2))
    #expect(LearningPriority.of([flat], replicas: 9) > LearningPriority.of([flat], replicas: 2))
    #expect(LearningPriority.of([series([.nan])], replicas: 0) == 1)
    #expect(LearningPriority.of([series([0, 0, 0, 5])], replicas: 1) == 10)
  }
}
