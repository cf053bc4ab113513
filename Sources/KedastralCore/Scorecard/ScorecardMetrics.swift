/// The scorecard of the last seven days as metrics.
struct ScorecardMetrics: Sendable {
  private let measured: MetricFamily
  private let violations: MetricFamily
  private let podTime: MetricFamily
  private let cost: MetricFamily
  private let capped: MetricFamily
  private let bridged: MetricFamily
  private let error: MetricFamily
  private let coverage: MetricFamily
  private let worse: MetricFamily
  private let realTime: MetricFamily
  private let ready: MetricFamily

  init(_ registry: MetricsRegistry) {
    measured = registry.gauge(
      "kedastral_scorecard_measured_seconds",
      help: "Time of the last 7 days with a measured load and a plan; the scorecard counts only this.",
      labels: ["workload"])
    violations = registry.gauge(
      "kedastral_scorecard_violation_seconds",
      help:
        "Time of the last 7 days with too few pods, by policy: a simulated HPA, the simulated plan, or the real pods.",
      labels: ["workload", "policy"])
    podTime = registry.gauge(
      "kedastral_scorecard_pod_seconds",
      help: "Total time of pods in the last 7 days, by policy: a simulated HPA, the simulated plan, or the real pods.",
      labels: ["workload", "policy"])
    cost = registry.gauge(
      "kedastral_scorecard_cost",
      help: "Cost of these pod-hours of the last 7 days at the configured price, by policy.",
      labels: ["workload", "policy"])
    capped = registry.gauge(
      "kedastral_scorecard_capped_seconds",
      help: "Time of the last 7 days in which limits kept the plan below what the load required.",
      labels: ["workload"])
    bridged = registry.gauge(
      "kedastral_scorecard_bridged_seconds",
      help: "Time of the last 7 days in which the plan was based on the forecast alone.", labels: ["workload"])
    error = registry.gauge(
      "kedastral_scorecard_forecast_error",
      help: "Mean absolute error of the forecasts made one lead time ahead, divided by the mean load, over 7 days.",
      labels: ["workload"])
    coverage = registry.gauge(
      "kedastral_scorecard_p90_coverage",
      help: "Share of the loads of 7 days at or below the 0.9 quantile that was forecast one lead time ahead.",
      labels: ["workload"])
    worse = registry.gauge(
      "kedastral_scorecard_worse_seconds",
      help: "Length of the days in a row, up to yesterday, on which the plan was worse than an HPA.",
      labels: ["workload"])
    realTime = registry.gauge(
      "kedastral_scorecard_real_seconds",
      help: "Measured time of the last 7 days whose real pods are known.", labels: ["workload"])
    ready = registry.gauge(
      "kedastral_ready_pods",
      help: "The workload's ready pods, as its replicasQuery or the Kubernetes API returns them.",
      labels: ["workload"])
  }

  /// Sets the ready pods of now; nil when they are unknown.
  func publish(_ pods: Int?, of workload: WorkloadName) {
    if let pods { ready.with(workload.text).set(Double(pods)) } else { ready.remove(workload.text) }
  }

  func publish(_ report: ScorecardReport) {
    guard let week = report.window(days: 7) else { return }
    let name = report.workload
    measured.with(name).set(week.measuredMinutes * 60)
    if let minutes = week.realMinutes { realTime.with(name).set(minutes * 60) }
    for case (let policy, let outcome?) in [("hpa", week.hpa), ("plan", week.plan), ("real", week.real)] {
      violations.with(name, policy).set(outcome.violationMinutes * 60)
      podTime.with(name, policy).set(outcome.podHours * 3600)
      if let value = outcome.cost { cost.with(name, policy).set(value) }
    }
    capped.with(name).set(week.cappedMinutes * 60)
    bridged.with(name).set(week.bridgedMinutes * 60)
    if let value = week.forecastError { error.with(name).set(value) }
    if let value = week.p90Coverage { coverage.with(name).set(value) }
    worse.with(name).set(Double(report.daysWorse) * 86_400)
  }

  func forget(_ workload: WorkloadName) {
    for family in [measured, capped, bridged, error, coverage, worse, realTime, ready] { family.remove(workload.text) }
    for family in [violations, podTime, cost] {
      for policy in ["hpa", "plan", "real"] { family.remove(workload.text, policy) }
    }
  }
}
