import Foundation
import KedastralCore
import KedastralModels
import TestSupport
import Testing

@testable import KedastralEvaluation

@Suite("Survey of workloads", .numeric)
struct SurveyTests {
  private func outcome(_ minutes: Double, _ hours: Double) -> SurveyFinding.Outcome {
    .init(violationMinutes: minutes, podHours: hours)
  }

  @Test("the setting that gains most is chosen among those that are not short for longer than the HPA")
  func choice() {
    let rule = SurveyRule(minuteValue: 1)
    let hpa = outcome(100, 1000)
    let candidates = [outcome(180, 700), outcome(90, 820), outcome(20, 880), outcome(2, 980)]
    // 190, 200 and 118 pod-hours are gained; the first is short for longer than the HPA.
    #expect(rule.choice(candidates, against: hpa, minutes: 10_000) == 2)
    #expect(SurveyRule(minuteValue: 0.5).choice(candidates, against: hpa, minutes: 10_000) == 1)
    // None is short enough: the one that is short least.
    #expect(rule.choice([outcome(40, 1), outcome(30, 9)], against: outcome(0, 9), minutes: 10_000) == 1)
    #expect(rule.choice([], against: hpa, minutes: 1) == nil)
    // 0.1 % of the time is accepted even when the HPA had no violation.
    #expect(rule.choice([outcome(9, 500), outcome(0, 900)], against: outcome(0, 1000), minutes: 10_000) == 0)
  }

  @Test("the verdict names why a workload should stay with an HPA")
  func verdict() {
    let rule = SurveyRule(minuteValue: 1)
    func verdict(
      _ plan: SurveyFinding.Outcome, _ hpa: SurveyFinding.Outcome, mase: Double = 0.5
    ) -> SurveyFinding.Verdict {
      rule.verdict(
        plan, against: hpa, minutes: 10_000, predictability: .init(relativeError: 0.2, mase: mase))
    }
    #expect(verdict(outcome(10, 900), outcome(100, 1000)) == .forecast)
    #expect(verdict(outcome(10, 1050), outcome(100, 1000)) == .forecast)
    #expect(verdict(outcome(10, 1200), outcome(100, 1000)) == .autoscaler(.costsMore))
    #expect(verdict(outcome(0, 990), outcome(3, 1000)) == .autoscaler(.littleToGain))
    #expect(verdict(outcome(16, 700), outcome(0, 1000)) == .autoscaler(.shortLonger))
    #expect(verdict(outcome(16, 700), outcome(0, 1000), mase: 1.2) == .autoscaler(.noPattern))
    #expect(verdict(outcome(15, 700), outcome(0, 1000)) == .forecast)
  }

  @Test("findings are ordered by what is gained, those worth it first")
  func order() {
    func finding(
      _ name: String, _ verdict: SurveyFinding.Verdict, minutes: Double, hours: Double
    ) -> SurveyFinding {
      var finding = SurveyFinding(name: name, medianLoad: 1, peakLoad: 2, targetPerPod: 1, verdict: verdict)
      finding.autoscaler = outcome(minutes, hours)
      finding.plan = outcome(0, 0)
      return finding
    }
    let findings = [
      finding("small", .forecast, minutes: 10, hours: 20),
      finding("none", .autoscaler(.littleToGain), minutes: 0, hours: 500),
      finding("minutes", .forecast, minutes: 100, hours: 0), finding("hours", .forecast, minutes: 0, hours: 90),
    ]
    #expect(SurveyFinding.ranked(findings, minuteValue: 1).map(\.name) == ["minutes", "hours", "small", "none"])
    #expect(SurveyFinding.ranked(findings, minuteValue: 0.1).map(\.name) == ["hours", "small", "minutes", "none"])
    #expect(findings[0].minutesAvoided == 10 && findings[0].podHoursSaved == 20)
    #expect(findings[0].gain(minuteValue: 2) == 40)
  }

  @Test("a relative error is high, medium or low predictability")
  func words() {
    let words = [0.05, 0.1, 0.2, 0.3, .nan].map { SurveyFinding.Predictability(relativeError: $0, mase: 1).word }
    #expect(words == ["high", "high", "medium", "low", "unknown"])
  }

  private func survey() -> WorkloadSurvey {
    var survey = WorkloadSurvey()
    // A simple model, since debug builds are slow.
    survey.model = ControlModel.persistence
    survey.settings = [.init(level: 0.9), .init(level: 0.99, fill: 0.8)]
    return survey
  }

  @Test("a load of too few days, and one that never needs a second pod, stay with an HPA")
  func trivial() async throws {
    let short = SyntheticLoad.series(count: 3 * 1440, SyntheticLoad.day)
    #expect(try await survey().examine("short", short).verdict == .autoscaler(.tooShort(days: 3)))
    var known = survey()
    known.target = .given(1000)
    let small = try await known.examine("small", SyntheticLoad.series(count: 5 * 1440, SyntheticLoad.day))
    #expect(small.verdict == .autoscaler(.alwaysFewPods(1)) && small.targetPerPod == 1000)
    #expect(small.judgedMinutes == 0 && small.minutesAvoided == 0)
  }

  @Test("a setting is chosen on the first half of the replay, and policies are compared on the second")
  func examined() async throws {
    let series = SyntheticLoad.series(count: 5 * 1440, SyntheticLoad.day)
    let finding = try await survey().examine("shop", series)
    #expect(finding.name == "shop" && finding.seasons.contains(.seconds(86_400)))
    #expect(finding.judgedMinutes == 1800)
    #expect(abs(finding.targetPerPod - finding.peakLoad / 20) < 1e-9)
    let setting = try #require(finding.setting)
    #expect(survey().settings.contains(setting))
    #expect(finding.plannedTarget == finding.targetPerPod * setting.fill)
    let (hpa, plan) = (try #require(finding.autoscaler), try #require(finding.plan))
    #expect(hpa.podHours > 200 && plan.podHours > 200 && hpa.violationMinutes <= 1800)
    #expect(abs(finding.podHoursSaved - (hpa.podHours - plan.podHours)) < 1e-9)
    #expect(finding.predictability?.mase.isFinite == true)
  }

  @Test("the halves of a replay are scored by load, ready pods and existing pods")
  func halves() {
    func record(_ load: Double, _ ready: Int) -> Replay.Record {
      Replay.Record(instant: Date(timeIntervalSince1970: 0), load: load, desired: ready + 1, ready: ready)
    }
    let (first, second) = WorkloadSurvey.halves(
      [record(5, 1), record(15, 1), record(.nan, 3), record(25, 1), record(8, 1), record(9, 1)], podCapacity: 10)
    #expect(first.violationMinutes == 0.25 && first.minutes == 0.5)
    #expect(second.violationMinutes == 0.25 && second.minutes == 0.75)
    #expect(abs(second.podHours - 3 * 2 * 0.25 / 60) < 1e-12)
  }
}
