#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a scorecard reports, as text and as data.
package struct ScorecardReport: Sendable, Equatable, Codable {
  /// What one way of scaling would have led to.
  package struct Outcome: Sendable, Equatable, Codable {
    /// The minutes in which the load was more than the ready pods can serve.
    package var violationMinutes: Double
    /// The hours that pods existed, starting ones included.
    package var podHours: Double
    /// What they cost; nil without a price.
    package var cost: Double?
  }

  /// The results of a number of days.
  package struct Window: Sendable, Equatable, Codable {
    /// The number of UTC days, the current one included.
    package var days: Int
    /// The minutes with a measured load and a plan; only these count.
    package var measuredMinutes: Double
    /// What an HPA would have done.
    package var hpa: Outcome
    /// What the plan would have led to.
    package var plan: Outcome
    /// What the real ready pods led to, where they are known; their pod-hours are those of ready pods.
    package var real: Outcome?
    /// The measured minutes whose real pods are known; nil when there are none.
    package var realMinutes: Double?
    /// The minutes in which limits kept the plan below what the load required.
    package var cappedMinutes: Double
    /// The minutes in which the plan was based on the forecast alone.
    package var bridgedMinutes: Double
    /// The forecasts that were compared with the load that came.
    package var comparedForecasts: Int
    /// The mean absolute error of forecasts made one lead time ahead, divided by the mean load.
    package var forecastError: Double?
    /// The share of loads at or below the 0.9 quantile that was forecast one lead time ahead.
    package var p90Coverage: Double?
    /// What the plan was worth, in a sentence.
    package var verdict: String
  }

  /// The workload.
  package var workload: String
  /// Whether the plans are computed and not served.
  package var isDryRun: Bool
  /// How far ahead the plan is asked for replicas.
  package var leadTimeSeconds: Double
  /// The time from a pod's creation to its first request.
  package var startupSeconds: Double
  /// The HPA's target share of what a pod can serve.
  package var utilization: Double
  /// The price of a pod-hour; nil when it is unknown.
  package var price: Double?
  /// The first UTC day with results, such as `2026-03-01`; nil before there are any.
  package var since: String?
  /// The number of complete days in a row, up to yesterday, on which the plan was worse than the HPA.
  package var daysWorse: Int
  /// The results of the last 7 and 28 days.
  package var windows: [Window]

  /// The results of the last `days` days; nil when they are not kept.
  package func window(days: Int) -> Window? { windows.first { $0.days == days } }

  /// As JSON.
  package func json() throws -> Data { try JSONEncoder.stable.encode(self) }
}

extension ScorecardReport {
  /// The report of a workload that another process forecasts: it has no windows.
  package init(of workload: WorkloadName, isDryRun: Bool, _ settings: ScorecardSettings) {
    self.init(
      workload: workload.text, isDryRun: isDryRun, leadTimeSeconds: settings.leadTime.inSeconds,
      startupSeconds: settings.startup.inSeconds, utilization: settings.utilization, price: settings.price,
      daysWorse: 0, windows: [])
  }

  /// Reads the output of `json()`.
  package init(json: [UInt8]) throws { self = try JSONDecoder().decode(Self.self, from: Data(json)) }
}

/// The scorecards of several workloads, and their total.
package struct ScorecardSummary: Sendable, Equatable, Codable {
  /// The number of workloads.
  package var workloads: Int
  /// The total of the last 7 and 28 days.
  package var total: [ScorecardReport.Window]
  /// The scorecards by workload; nil when only the total was requested.
  package var scorecards: [ScorecardReport]?

  /// Sums scorecards up. The forecast errors of different loads have no sum.
  package init(_ reports: [ScorecardReport], isTotalOnly: Bool = false) {
    workloads = reports.count
    scorecards = isTotalOnly ? nil : reports
    let isDryRun = !reports.isEmpty && reports.allSatisfy(\.isDryRun)
    total = Scorecard.windows.map { days in
      var sum = ScorecardReport.Window(
        days: days, measuredMinutes: 0, hpa: .init(violationMinutes: 0, podHours: 0),
        plan: .init(violationMinutes: 0, podHours: 0), cappedMinutes: 0, bridgedMinutes: 0, comparedForecasts: 0,
        verdict: "")
      for window in reports.compactMap({ $0.window(days: days) }) { sum.add(window) }
      sum.verdict = sum.sentence(isDryRun: isDryRun)
      return sum
    }
  }

  /// The total of the last `days` days; nil when it is not kept.
  package func total(days: Int) -> ScorecardReport.Window? { total.first { $0.days == days } }

  /// As JSON.
  package func json() throws -> Data { try JSONEncoder.stable.encode(self) }

  /// Reads the output of `json()`.
  package init(json: [UInt8]) throws { self = try JSONDecoder().decode(Self.self, from: Data(json)) }
}

extension ScorecardReport.Window {
  fileprivate mutating func add(_ other: Self) {
    measuredMinutes += other.measuredMinutes
    hpa.add(other.hpa)
    plan.add(other.plan)
    if let more = other.real {
      real = real ?? .init(violationMinutes: 0, podHours: 0)
      real?.add(more)
      realMinutes = (realMinutes ?? 0) + (other.realMinutes ?? 0)
    }
    cappedMinutes += other.cappedMinutes
    bridgedMinutes += other.bridgedMinutes
    comparedForecasts += other.comparedForecasts
  }
}

extension ScorecardReport.Outcome {
  fileprivate mutating func add(_ other: Self) {
    violationMinutes += other.violationMinutes
    podHours += other.podHours
    if let more = other.cost { cost = (cost ?? 0) + more }
  }
}

extension ScorecardReport.Window {
  /// The minutes with too few pods that the plan avoids; negative when it has more than the HPA.
  package var avoidedMinutes: Double { hpa.violationMinutes - plan.violationMinutes }
  /// The share of the HPA's pod-hours that the plan saves; negative when it needs more.
  package var savedShare: Double { hpa.podHours > 0 ? 1 - plan.podHours / hpa.podHours : 0 }
}

extension Scorecard {
  /// The least number of measured minutes for a verdict.
  static let leastMinutes = 360.0
  /// The windows of a report, in days.
  package static let windows = [7, 28]

  /// The numbers as they are at `now`.
  package func report(of workload: WorkloadName, isDryRun: Bool, at now: Date) -> ScorecardReport {
    let today = now.utcDay
    return ScorecardReport(
      workload: workload.text, isDryRun: isDryRun, leadTimeSeconds: leadTime.inSeconds,
      startupSeconds: startup.inSeconds, utilization: settings.utilization, price: settings.price,
      since: days.first { $0.measured > 0 }.map {
        String(Timestamp.format(Date(timeIntervalSince1970: Double($0.day) * 86_400)).prefix(10))
      },
      daysWorse: daysWorse(before: today),
      windows: Self.windows.map { length in
        var sum = ScorecardDay(day: 0)
        for day in days where day.day > today - length && day.day <= today { sum += day }
        return window(of: sum, days: length, isDryRun: isDryRun)
      })
  }

  private func window(of sum: ScorecardDay, days: Int, isDryRun: Bool) -> ScorecardReport.Window {
    let perMinute = Double(SimulatedAutoscaler.syncsPerMinute)
    func outcome(_ violations: Int, _ pods: Int) -> ScorecardReport.Outcome {
      let hours = Double(pods) / perMinute / 60
      return .init(
        violationMinutes: Double(violations) / perMinute, podHours: hours, cost: settings.price.map { $0 * hours })
    }
    var window = ScorecardReport.Window(
      days: days, measuredMinutes: Double(sum.measured) / perMinute,
      hpa: outcome(sum.autoscalerViolations, sum.autoscalerPods), plan: outcome(sum.planViolations, sum.planPods),
      cappedMinutes: Double(sum.capped) / perMinute, bridgedMinutes: Double(sum.bridged) / perMinute,
      comparedForecasts: sum.compared, forecastError: sum.load > 0 ? sum.error / sum.load : nil,
      p90Coverage: sum.comparedQuantiles > 0 ? Double(sum.covered) / Double(sum.comparedQuantiles) : nil, verdict: "")
    if sum.realMeasured > 0 {
      window.real = outcome(Int(sum.realViolations), sum.realPods)
      window.realMinutes = Double(sum.realMeasured) / perMinute
    }
    window.verdict = window.sentence(isDryRun: isDryRun)
    return window
  }

  private func daysWorse(before today: Int) -> Int {
    var (count, expected) = (0, today - 1)
    for day in days.reversed() where day.day < today {
      guard day.day == expected, day.isWorse else { break }
      count += 1
      expected -= 1
    }
    return count
  }
}

extension ScorecardDay {
  /// Whether the plan was worse than the HPA: longer short of pods by more than a minute without saving 1 % of pod-hours, or
  /// at least 1 % more expensive without being short for less time. A day with less than six measured hours is not judged.
  var isWorse: Bool {
    let perMinute = SimulatedAutoscaler.syncsPerMinute
    guard measured >= Int(Scorecard.leastMinutes) * perMinute else { return false }
    if planViolations > autoscalerViolations + perMinute {
      return Double(planPods) > 0.99 * Double(autoscalerPods)
    }
    return planViolations >= autoscalerViolations && Double(planPods) > 1.01 * Double(autoscalerPods)
  }
}

extension ScorecardReport.Window {
  /// Compares plan and HPA in words: `would have avoided 41 violation minutes and saved 9 % of pod-hours`.
  fileprivate func sentence(isDryRun: Bool) -> String {
    guard measuredMinutes >= Scorecard.leastMinutes else {
      return
        "measured for \(DurationText.words(.seconds((measuredMinutes * 60).rounded()))); a verdict needs 6 hours"
    }
    let minutes = Int(avoidedMinutes.rounded())
    let percent = Int((savedShare * 100).rounded())
    let count = "\(abs(minutes)) violation minute\(abs(minutes) == 1 ? "" : "s")"
    let what =
      switch minutes {
      case 1...: "avoided \(count)"
      case 0: "had as many violation minutes as an HPA"
      default: "had \(count) more"
      }
    let first = (isDryRun ? "would have " : "") + what
    if percent == 0 { return first + " with the same pod-hours" }
    if percent < 0 { return first + " with \(-percent) % more pod-hours" }
    return first + " and saved \(percent) % of pod-hours"
  }
}
