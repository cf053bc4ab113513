import Foundation
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralCore

@Suite("Scorecard")
struct ScorecardTests {
  private static let start = Date(timeIntervalSince1970: 20_000 * 86_400)
  private static let workload = try? WorkloadName("api")

  /// A workload whose plan, load and rounds a test sets; a pod serves a load of 10.
  private struct Rounds {
    var scorecard: Scorecard
    var history = TimeSeries(start: ScorecardTests.start, step: .seconds(60), values: [])
    var replicas = 4
    var required: Int?
    var bridgedUntil: Date?
    var forecast = 35.0
    var quantile = 40.0
    var settleSteps = 0
    var leadTime: WorkloadLeadTime?
    var pods = RealPods()

    init(_ settings: ScorecardSettings = ScorecardSettings()) {
      scorecard = Scorecard(settings, step: .seconds(60), interval: .seconds(60), settleTime: .seconds(300))
    }

    var now: Date { history.isEmpty ? history.start : history.end }

    /// A round at the instant of the newest sample.
    mutating func round() throws {
      let steps = 10
      let forecast = Forecast(
        start: now, step: history.step, values: Array(repeating: forecast, count: steps),
        quantiles: Quantiles([.init(level: 0.9, values: Array(repeating: quantile, count: steps))]), model: "test")
      var snapshot = try Snapshot(
        workload: try WorkloadName("api"), metric: "load", generatedAt: now, step: history.step,
        horizon: history.step * steps, values: forecast.values,
        desiredReplicas: Array(repeating: replicas, count: steps),
        requiredReplicas: Array(repeating: required ?? replicas, count: steps), bounds: 1...20, targetPerPod: 10)
      snapshot.bridgedUntil = bridgedUntil
      snapshot.leadTime = leadTime
      scorecard.round(
        snapshot, forecast,
        loads: [.init(history, settledEnd: now - history.step * settleSteps, targetPerPod: 10)], pods: pods)
    }

    /// A round after each minute's load.
    mutating func play(_ loads: [Double]) throws {
      for load in loads {
        history.values.append(load)
        try round()
      }
    }

    func report(isDryRun: Bool = false) throws -> ScorecardReport {
      scorecard.report(of: try WorkloadName("api"), isDryRun: isDryRun, at: now)
    }

    func week() throws -> ScorecardReport.Window { try #require(try report().window(days: 7)) }
  }

  @Test("counts the minutes, violations and pod-hours of both from the first plan on")
  func counts() throws {
    var rounds = Rounds()
    rounds.replicas = 2
    // 35 needs 3.5 pods: both begin with 4; the plan then has 2 after the stabilisation window, the HPA 5.
    try rounds.play(Array(repeating: 35, count: 61))
    let week = try rounds.week()
    #expect(week.measuredMinutes == 60)
    #expect(week.hpa.violationMinutes == 0)
    #expect(week.hpa.podHours == 5)
    #expect(week.plan.violationMinutes == 60)
    #expect(week.plan.podHours == 2)
    #expect(week.cappedMinutes == 0 && week.bridgedMinutes == 0)
  }

  @Test("waits until a load is settled, and counts the same then")
  func settling() throws {
    var (early, late) = (Rounds(), Rounds())
    late.settleSteps = 5
    let loads = (0..<90).map { 35 + 30 * sin(Double($0) / 9) }
    try early.play(loads)
    try late.play(loads + Array(repeating: 35, count: 5))
    let (first, second) = (try early.week(), try late.week())
    #expect(first.measuredMinutes == 89)
    #expect(second.measuredMinutes == 89)
    #expect(first.hpa == second.hpa)
    #expect(first.plan == second.plan)
    #expect(first.plan.violationMinutes > 0)
  }

  @Test("does not count minutes without a load; pods stay as they are")
  func gaps() throws {
    var rounds = Rounds()
    try rounds.play(
      Array(repeating: 35, count: 11) + Array(repeating: .nan, count: 20) + Array(repeating: 35, count: 10))
    let week = try rounds.week()
    #expect(week.measuredMinutes == 20)
    #expect(week.hpa.violationMinutes == 0)
  }

  @Test("does not count a load that comes after its minute was given up")
  func lateLoads() throws {
    var rounds = Rounds()
    try rounds.play(Array(repeating: 35, count: 11))
    // The source is silent for an hour: nothing is settled.
    for _ in 0..<60 {
      rounds.history.values.append(.nan)
      rounds.settleSteps += 1
      try rounds.round()
    }
    for index in 11..<71 { rounds.history.values[index] = 35 }
    rounds.settleSteps = 0
    try rounds.play([35])
    let measured = try rounds.week().measuredMinutes
    // The newest minutes still waited: 2 · 5 min settle time, step, interval and a minute.
    #expect((20...24).contains(measured))
  }

  @Test("does not count pauses of more than ten minutes between two plans")
  func pauses() throws {
    var rounds = Rounds()
    try rounds.play(Array(repeating: 35, count: 31))
    rounds.history.values += Array(repeating: 100, count: 30)
    try rounds.play(Array(repeating: 35, count: 31))
    let week = try rounds.week()
    #expect(week.measuredMinutes == 60)
    #expect(week.hpa.violationMinutes == 0)
  }

  @Test("a clock that is set back begins again, and counts no minute of the future")
  func clockSetBack() throws {
    var rounds = Rounds()
    try rounds.play(Array(repeating: 35, count: 31))
    rounds.history.values.removeLast(20)
    try rounds.round()
    try rounds.play(Array(repeating: 35, count: 10))
    #expect(try rounds.week().measuredMinutes == 40)
  }

  @Test("keeps its days over a restart; the missed time does not count")
  func restart() throws {
    var rounds = Rounds()
    try rounds.play(Array(repeating: 35, count: 31))
    let stored = try #require(rounds.scorecard.stored)
    var restarted = Rounds()
    restarted.history = rounds.history
    let isAccepted = restarted.scorecard.resume(stored, at: restarted.now)
    #expect(isAccepted)
    #expect(try restarted.week() == rounds.week())
    restarted.history.values += Array(repeating: 35, count: 5)
    try restarted.round()
    try restarted.play(Array(repeating: 35, count: 10))
    #expect(try restarted.week().measuredMinutes == 40)
  }

  @Test("refuses a damaged scorecard, one of another version and one of the future")
  func damaged() throws {
    var rounds = Rounds()
    try rounds.play(Array(repeating: 35, count: 31))
    let stored = try #require(rounds.scorecard.stored)
    let text = String(decoding: stored, as: UTF8.self)
    let otherVersion = text.replacingOccurrences(of: #""version":1"#, with: #""version":2"#)
    let negative = text.replacingOccurrences(of: "[[20000,", with: "[[-20000,")
    #expect(otherVersion != text && negative != text)
    for bad in ["", "{}", "[1]", otherVersion, negative, String(text.dropLast(9))] {
      let isAccepted = rounds.scorecard.resume(Data(bad.utf8), at: rounds.now)
      #expect(!isAccepted, "\(bad)")
    }
    var early = Rounds()
    let isAccepted = early.scorecard.resume(stored, at: Self.start - .seconds(30 * 86_400))
    #expect(isAccepted)
    #expect(try early.report().since == nil)
  }

  @Test("keeps 28 days, in at most 8 KiB")
  func size() throws {
    var scorecard = Scorecard(
      ScorecardSettings(), step: .seconds(60), interval: .seconds(30), settleTime: .seconds(300))
    for day in 20_000..<20_040 {
      var counts = ScorecardDay(day: day)
      (counts.measured, counts.capped, counts.bridged) = (5760, 5760, 5760)
      (counts.autoscalerPods, counts.planPods) = (5_760_000_000, 5_759_999_999)
      (counts.autoscalerViolations, counts.planViolations) = (5760, 5759)
      (counts.compared, counts.comparedQuantiles, counts.covered) = (1440, 1440, 1333)
      (counts.realMeasured, counts.realViolations, counts.realPods) = (5760, 5760, 5_759_999_999)
      (counts.error, counts.load) = (123_456_789.123_456_7, 9_876_543_210.987_654)
      scorecard.add(counts)
    }
    let stored = try #require(scorecard.stored)
    #expect(scorecard.days.count == 28)
    #expect(scorecard.days.first?.day == 20_012)
    // In the state it is written in base 64.
    #expect(stored.base64EncodedData().count <= 8192)
    let memory =
      MemoryLayout<ScorecardDay>.stride * 28 + Scorecard.mostWaiting * MemoryLayout<PlannedSync>.stride
      + 32 * LeadTimeForecasts.most
    #expect(memory <= 8192)
  }

  @Test("counts the minutes in which the real pods were too few, where they are known, and keeps them over a restart")
  func realPods() throws {
    var rounds = Rounds()
    // 35 needs 3.5 pods: three are too few from minute 10 to 20, and from minute 30 on the pods are unknown.
    let counts =
      [Double](repeating: 4, count: 10) + [Double](repeating: 3, count: 10) + [Double](repeating: 4, count: 10) + [.nan]
    rounds.pods.add(TimeSeries(start: Self.start, step: .seconds(60), values: counts))
    try rounds.play(Array(repeating: 35, count: 61))
    let week = try rounds.week()
    #expect(week.measuredMinutes == 60)
    #expect(week.realMinutes == 30)
    #expect(week.real?.violationMinutes == 10)
    #expect(week.real?.podHours == 110.0 / 60)
    var restarted = Rounds()
    let isAccepted = restarted.scorecard.resume(try #require(rounds.scorecard.stored), at: rounds.now)
    #expect(isAccepted)
    restarted.history = rounds.history
    #expect(try restarted.week() == week)
    let total = try #require(ScorecardSummary([try rounds.report(), try restarted.report()]).total(days: 7))
    #expect(total.real?.violationMinutes == 20 && total.realMinutes == 60)
  }

  @Test("a scorecard without real pods is stored as versions without them read it")
  func storedWithoutRealPods() throws {
    var rounds = Rounds()
    try rounds.play(Array(repeating: 35, count: 31))
    #expect(rounds.scorecard.days.allSatisfy { $0.numbers.count == 13 })
    #expect(try rounds.week().real == nil && rounds.week().realMinutes == nil)
  }

  @Test("counts capped and bridged minutes")
  func limits() throws {
    var rounds = Rounds()
    rounds.required = 9
    try rounds.play(Array(repeating: 35, count: 21))
    rounds.required = nil
    rounds.bridgedUntil = Self.start + .seconds(86_400)
    try rounds.play(Array(repeating: 35, count: 10))
    let week = try rounds.week()
    #expect(week.cappedMinutes == 21)
    #expect(week.bridgedMinutes == 9)
  }

  @Test("a plan that is too old is not followed: its pods stay")
  func stale() throws {
    var rounds = Rounds()
    try rounds.play(Array(repeating: 35, count: 11))
    rounds.replicas = 8
    try rounds.round()
    rounds.history.values += Array(repeating: 35, count: 9)
    rounds.replicas = 4
    try rounds.round()
    // 8 pods are requested for two minutes only, and the HPA keeps them for its stabilisation window.
    let week = try rounds.week()
    #expect(week.measuredMinutes == 19)
    let expected: Double = (10 * 4 + 9 * 8) / 60
    #expect(abs(week.plan.podHours - expected) < 1e-9)
  }

  @Test("compares the forecast made a lead time ago with the load that came")
  func forecasts() throws {
    var rounds = Rounds()
    try rounds.play(Array(repeating: 35, count: 11))
    rounds.forecast = 20
    rounds.quantile = 30
    try rounds.play(Array(repeating: 35, count: 20))
    let week = try rounds.week()
    // Eleven forecasts of 35 and fifteen of 20 have met their load; the lead time is five steps.
    #expect(week.comparedForecasts == 26)
    let error = try #require(week.forecastError)
    let expected: Double = 15 * 15 / (26 * 35)
    #expect(abs(error - expected) < 1e-6)
    #expect(week.p90Coverage == 11.0 / 26)
  }

  @Test("a workload's own lead time and the measured start-up of its pods replace the settings")
  func ownLeadTime() throws {
    var rounds = Rounds()
    rounds.leadTime = WorkloadLeadTime(
      .seconds(120), startup: PodStartup(seconds: 60, pods: 9, measuredAt: Self.start))
    try rounds.play([35, 35])
    // The first minute with more load has 4 pods; then the plan asks for 6, which serve after a minute.
    rounds.replicas = 6
    try rounds.play(Array(repeating: 55, count: 10))
    let report = try rounds.report()
    #expect(report.leadTimeSeconds == 120 && report.startupSeconds == 60)
    let week = try rounds.week()
    #expect(week.plan.violationMinutes == 2)
    // Forecasts of two steps ahead: the last two are still to meet their load.
    #expect(week.comparedForecasts == 10)
    // Without the measurement, pods start in three minutes.
    var slow = Rounds()
    try slow.play([35, 35])
    slow.replicas = 6
    try slow.play(Array(repeating: 55, count: 10))
    #expect(try slow.week().plan.violationMinutes == 4)
  }

  @Test("takes the largest need of several metrics, and counts nothing while one is missing")
  func metrics() throws {
    var rounds = Rounds()
    let loads: [Double] = Array(repeating: 35, count: 10)
    for load in loads {
      rounds.history.values.append(load)
      var other = rounds.history
      other.values = other.values.indices.map { $0 < 5 ? .nan : 8 }
      let forecast = Forecast(start: rounds.now, step: .seconds(60), values: [35], model: "test")
      let snapshot = try Snapshot(
        workload: try WorkloadName("api"), metric: "load", generatedAt: rounds.now, step: .seconds(60),
        horizon: .seconds(60), values: [35], desiredReplicas: [4], bounds: 1...20, targetPerPod: 10)
      rounds.scorecard.round(
        snapshot, forecast,
        loads: [
          .init(rounds.history, settledEnd: rounds.now, targetPerPod: 10),
          .init(other, settledEnd: rounds.now, targetPerPod: 1),
        ])
    }
    let week = try rounds.week()
    #expect(week.measuredMinutes == 5)
    // The second metric needs 8 pods.
    #expect(week.plan.violationMinutes == 0 || week.plan.podHours > 0)
    #expect(week.hpa.podHours > 8.0 * 5 / 60)
  }

  @Test("loads of a shorter step are averaged, those of a longer step hold for their step")
  func steps() {
    let short = TimeSeries(start: Self.start + .seconds(15), step: .seconds(15), values: [1, 2, 3, 6, 9])
    #expect(short.meanOfMinute(endingAt: Self.start + .seconds(60)) == 3)
    #expect(short.meanOfMinute(endingAt: Self.start + .seconds(120)).isNaN)
    let long = TimeSeries(start: Self.start, step: .seconds(300), values: [1, 2])
    #expect(long.meanOfMinute(endingAt: Self.start) == 1)
    #expect(long.meanOfMinute(endingAt: Self.start + .seconds(60)) == 2)
    #expect(long.meanOfMinute(endingAt: Self.start + .seconds(300)) == 2)
    #expect(long.meanOfMinute(endingAt: Self.start + .seconds(360)).isNaN)
  }

  private func report(
    hpa: (violations: Int, pods: Int), plan: (violations: Int, pods: Int), measured: Int = 5760, days: Int = 1,
    isDryRun: Bool = true, price: Double? = nil
  ) throws -> ScorecardReport {
    var scorecard = Scorecard(
      ScorecardSettings(price: price), step: .seconds(60), interval: .seconds(30), settleTime: .seconds(300))
    for day in 0..<days {
      var counts = ScorecardDay(day: 20_000 + day)
      counts.measured = measured
      (counts.autoscalerViolations, counts.autoscalerPods) = hpa
      (counts.planViolations, counts.planPods) = plan
      scorecard.add(counts)
    }
    return scorecard.report(
      of: try WorkloadName("api"), isDryRun: isDryRun, at: Self.start + .seconds(86_400 * Double(days) + 60))
  }

  @Test("says in words what the plan was worth")
  func verdicts() throws {
    func verdict(_ hpa: (Int, Int), _ plan: (Int, Int), measured: Int = 5760, isDryRun: Bool = true) throws -> String? {
      try report(hpa: hpa, plan: plan, measured: measured, isDryRun: isDryRun).window(days: 7)?.verdict
    }
    #expect(
      try verdict((200, 10_000), (36, 9100)) == "would have avoided 41 violation minutes and saved 9 % of pod-hours")
    #expect(
      try verdict((200, 10_000), (36, 9100), isDryRun: false)
        == "avoided 41 violation minutes and saved 9 % of pod-hours")
    #expect(
      try verdict((0, 10_000), (4, 9100), isDryRun: false)
        == "had 1 violation minute more and saved 9 % of pod-hours")
    #expect(
      try verdict((200, 10_000), (36, 11_000)) == "would have avoided 41 violation minutes with 10 % more pod-hours")
    #expect(
      try verdict((8, 10_000), (8, 10_000))
        == "would have had as many violation minutes as an HPA with the same pod-hours")
    #expect(
      try verdict((0, 10_000), (0, 9000), measured: 600) == "measured for 2 hours 30 minutes; a verdict needs 6 hours")
  }

  @Test("counts the days in a row on which the plan was worse than the HPA")
  func worseDays() throws {
    #expect(try report(hpa: (0, 10_000), plan: (40, 10_000), days: 3).daysWorse == 3)
    #expect(try report(hpa: (0, 10_000), plan: (0, 10_500), days: 2).daysWorse == 2)
    #expect(try report(hpa: (0, 10_000), plan: (0, 10_050), days: 3).daysWorse == 0)
    #expect(try report(hpa: (0, 10_000), plan: (40, 9000), days: 3).daysWorse == 0)
    #expect(try report(hpa: (0, 10_000), plan: (40, 10_000), measured: 900, days: 3).daysWorse == 0)
  }

  @Test("a price turns pod-hours into money")
  func money() throws {
    let week = try #require(try report(hpa: (0, 24_000), plan: (0, 12_000), price: 0.04).window(days: 7))
    #expect(week.hpa.podHours == 100)
    #expect(week.hpa.cost == 4)
    #expect(week.plan.cost == 2)
    #expect(week.savedShare == 0.5)
  }

  @Test("the report survives JSON")
  func json() throws {
    let report = try report(hpa: (200, 10_000), plan: (36, 9100), price: 0.04)
    #expect(try JSONDecoder().decode(ScorecardReport.self, from: report.json()) == report)
    #expect(report.since == "2024-10-04")
  }
}
