import Foundation
import Testing

@testable import KedastralCore

@Suite("Estimate of the lead time")
struct LeadTimeEstimatorTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)

  private func estimator(horizon: Int = 1800) -> LeadTimeEstimator {
    LeadTimeEstimator(pollingInterval: .seconds(15), horizon: .seconds(horizon))
  }

  private func seconds(_ estimator: LeadTimeEstimator) -> Double? { estimator.leadTime?.duration.inSeconds }

  @Test("the first measurement counts as it is: the 95th percentile plus one polling interval")
  func first() {
    var estimator = estimator()
    #expect(estimator.leadTime == nil)
    // 20 pods: the 19th of them in order.
    let isTaken = estimator.add((1...20).map { 50 + Double($0) }.shuffled(), at: noon)
    #expect(isTaken)
    #expect(seconds(estimator) == 84)
    #expect(estimator.leadTime?.startup == PodStartup(seconds: 69, pods: 20, measuredAt: noon))
    #expect(
      estimator.leadTime?.startup?.sentence(of: "api-app") == "Pods of api-app took 69 s to start (p95 of 20)")
  }

  @Test("fewer than three pods, and durations that no start-up has, change nothing")
  func tooFew() {
    var estimator = estimator()
    let taken = [[30, 40], [30, 40, -5, .nan, .infinity, 100_000]].filter { estimator.add($0, at: noon) }
    #expect(taken.isEmpty && estimator.leadTime == nil)
    estimator.add([30, 40, 50, -5, .nan], at: noon)
    #expect(estimator.leadTime?.startup?.pods == 3)
  }

  @Test(
    "a lead time has bounds: 15 seconds, 30 minutes, and the horizon",
    arguments: [
      (0.0, 1800, 15.0), (5000, 7200, 1800), (5000, 600, 600), (100, 5, 15),
    ])
  func bounds(startup: Double, horizon: Int, expected: Double) {
    var estimator = estimator(horizon: horizon)
    estimator.add([startup, startup, startup], at: noon)
    #expect(seconds(estimator) == expected)
    estimator.resume(
      from: WorkloadLeadTime(.seconds(80_000), startup: PodStartup(seconds: 1, pods: 3, measuredAt: noon)))
    #expect(seconds(estimator) == expected, "a measurement is not replaced by a stored one")
  }

  @Test("measurements that differ by little do not change the lead time, and their numbers are shown")
  func steady() {
    var estimator = estimator()
    for round in 0..<100 {
      let startup = [74.0, 78, 70, 76][round % 4]
      estimator.add([startup, startup, startup], at: noon + .seconds(300 * round))
      #expect(seconds(estimator) == 89)
      #expect(estimator.leadTime?.startup?.seconds == startup)
    }
  }

  @Test("a longer start-up counts within a few measurements, a shorter one slowly, and neither goes back and forth")
  func changes() {
    var estimator = estimator()
    func run(_ startup: Double) -> [Double] {
      var course: [Double] = []
      for _ in 0..<40 {
        estimator.add([startup, startup, startup], at: noon)
        course.append(seconds(estimator) ?? 0)
      }
      return course
    }
    #expect(run(75).allSatisfy { $0 == 90 })
    let rise = run(285)
    #expect(rise == rise.sorted(), "\(rise)")
    #expect(rise[2] >= 250 && rise[39] >= 270 && rise[39] <= 300, "\(rise)")
    let fall = run(75)
    #expect(fall == fall.sorted(by: >), "\(fall)")
    #expect(fall[2] >= 200 && fall[39] <= 105, "\(fall)")
  }

  @Test("one outlier among many pods does not count, and an hour of slow pods is forgotten")
  func outliers() {
    var estimator = estimator()
    estimator.add(Array(repeating: 60, count: 99) + [7200], at: noon)
    #expect(seconds(estimator) == 75)
    for _ in 0..<12 { estimator.add(Array(repeating: 600, count: 10), at: noon) }
    for _ in 0..<60 { estimator.add(Array(repeating: 60, count: 10), at: noon) }
    #expect((75...83).contains(seconds(estimator) ?? 0))
  }

  @Test("a process continues from the stored lead time, unless that was a setting")
  func resumes() {
    var estimator = estimator()
    estimator.resume(from: WorkloadLeadTime(.seconds(120)))
    #expect(estimator.leadTime == nil)
    let stored = WorkloadLeadTime(
      .seconds(120), startup: PodStartup(seconds: 105, pods: 40, measuredAt: noon - .seconds(600)))
    estimator.resume(from: stored)
    #expect(estimator.leadTime == stored)
    estimator.add([100, 100, 100], at: noon)
    #expect(seconds(estimator) == 120, "a measurement that differs by little")
  }
}
