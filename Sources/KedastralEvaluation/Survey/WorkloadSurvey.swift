import KedastralCore
import KedastralModels

/// Examines one workload after the other: how well the load can be forecast, and what a plan would have changed compared with
/// an HPA.
///
/// The first part of the load (half of it, at most a week) is history only. In the first half of the rest the plan's setting is
/// chosen, in the second half the chosen plan and the HPA are compared, so that no result is of the time it was chosen on.
package struct WorkloadSurvey: Sendable {
  /// Where the load that a pod can serve comes from.
  package enum Target: Sendable, Equatable {
    /// It is known.
    case given(Double)
    /// It is such that the load's 99th percentile needs this number of pods.
    case peakPods(Double)
  }

  /// The least length of a load in days: a shorter one has too few days to choose and to judge on.
  package static let leastDays = 4.0
  private static let backtestOrigins = 8
  private static let seasonStep: Duration = .seconds(300)
  /// The least confidence of a season that is named.
  private static let leastConfidence = 0.5

  /// The load that a pod can serve.
  package var target = Target.peakPods(20)
  /// The time from a pod's creation to its first request.
  package var startup: Duration = .seconds(180)
  /// The HPA's target share of what a pod can serve.
  package var utilization = 0.7
  /// The fewest replicas.
  package var minReplicas = 1
  /// The settings of the plan that are tried. Where the load is noisy, the highest quantile is not enough: the plan leaves a part
  /// of each pod free, less than the HPA does.
  package var settings: [SurveyFinding.Setting] = [
    .init(level: 0.9), .init(level: 0.95), .init(level: 0.99), .init(level: 0.95, fill: 0.9),
    .init(level: 0.99, fill: 0.9),
    .init(level: 0.99, fill: 0.8),
  ]
  /// How the setting is chosen and the verdict is reached.
  package var rule = SurveyRule()
  /// The model. Fits twice a day are enough for weeks, and make a survey twice as fast.
  package var model: any Model = AutoModel(refitInterval: .seconds(43_200))

  /// Creates a survey with the default settings.
  package init() {}

  /// Examines one workload.
  ///
  /// - Parameters:
  ///   - name: the workload's name.
  ///   - series: its load at steps of at least a minute; NaN where it is missing.
  /// - Throws: what the model or the replay throws, and CancellationError.
  package func examine(_ name: String, _ series: TimeSeries) async throws -> SurveyFinding {
    let load = ReplayLoad(series)
    let sorted = load.minutes.values.filter(\.isFinite).sorted()
    let capacity: Double =
      switch target {
      case .given(let capacity): capacity
      case .peakPods(let pods): load.podCapacity(pods: pods)
      }
    var finding = SurveyFinding(
      name: name, medianLoad: OrderStatistics.quantile(0.5, ofSorted: sorted),
      peakLoad: OrderStatistics.quantile(0.99, ofSorted: sorted), targetPerPod: capacity, verdict: .forecast)
    let days = Double(sorted.count) / 1440
    guard days >= Self.leastDays else {
      finding.verdict = .autoscaler(.tooShort(days: days))
      return finding
    }
    finding.seasons = seasons(of: series)
    guard let largest = sorted.last, largest > capacity * Double(minReplicas) else {
      finding.verdict = .autoscaler(.alwaysFewPods(minReplicas))
      return finding
    }
    finding.predictability = try await predictability(of: series)
    try await compare(load, capacity: capacity, in: &finding)
    return finding
  }

  /// The seasons that are long enough and clear enough to be named: at most three, the clearest.
  private func seasons(of series: TimeSeries) -> [Duration] {
    let coarse = series.step < Self.seasonStep ? series.resampled(to: Self.seasonStep) : series
    return PeriodDetection(of: coarse).periods.filter { $0.confidence >= Self.leastConfidence }
      .sorted { $0.confidence > $1.confidence }.prefix(3).map { coarse.step * $0.steps }.sorted()
  }

  private func predictability(of series: TimeSeries) async throws -> SurveyFinding.Predictability? {
    var origin = RollingOrigin.standard(step: series.step)
    origin.originCount = Self.backtestOrigins
    let result = try await Backtest(origin, levels: [0.5]).run(model, on: series, cpuSeconds: { 0 })
    return result.map { .init(relativeError: $0.score.wmape, mase: $0.score.mase) }
  }

  /// Replays the load, chooses the setting on the first half, and judges on the second.
  private func compare(_ load: ReplayLoad, capacity: Double, in finding: inout SurveyFinding) async throws {
    let step = max(load.trace.step, .seconds(60))
    let replay = try Replay(load, podCapacity: capacity, minReplicas: minReplicas, step: step)
    let behavior = HorizontalAutoscaler.Behavior(minReplicas: minReplicas, maxReplicas: 100_000)
    let question = ScalingQuestion(leadTime: startup + HorizontalAutoscaler.syncPeriod)
    let hpa = ReactivePolicy(utilization: utilization, podCapacity: capacity, behavior: behavior)
    let plans = try settings.map { setting in
      let policy = try StandardCapacityPolicy(
        targetPerPod: capacity * setting.fill, quantileLevel: setting.level, minReplicas: minReplicas,
        maxReplicas: 100_000)
      return try PredictivePolicy(model: model, policy: policy, question: question, step: step, behavior: behavior)
    }
    let policies: [any ReplayPolicy] = [hpa] + plans
    let entrants = policies.map { Replay.Entrant($0, startup: startup, isRecorded: true) }
    let outcomes = try await replay.run(entrants)
    if let failed = outcomes.first(where: { $0.forecasts.made == 0 && $0.forecasts.failed > 0 }) {
      throw Replay.Problem(description: failed.forecasts.problem ?? "every forecast failed")
    }
    let halves = outcomes.map { Self.halves($0.records, podCapacity: capacity) }
    let reactive = halves[0]
    let choosing = halves.dropFirst().map { Self.outcome($0.first) }
    guard let chosen = rule.choice(choosing, against: Self.outcome(reactive.first), minutes: reactive.first.minutes)
    else { return }
    let (autoscaler, plan) = (Self.outcome(reactive.second), Self.outcome(halves[chosen + 1].second))
    finding.judgedMinutes = reactive.second.minutes
    finding.setting = settings[chosen]
    finding.autoscaler = autoscaler
    finding.plan = plan
    finding.verdict = rule.verdict(
      plan, against: autoscaler, minutes: finding.judgedMinutes, predictability: finding.predictability)
  }

  private static func outcome(_ figures: ReplayFigures) -> SurveyFinding.Outcome {
    .init(violationMinutes: figures.violationMinutes, podHours: figures.podHours)
  }

  /// The results of the first and the second half of a replay.
  static func halves(
    _ records: [Replay.Record], podCapacity: Double
  ) -> (first: ReplayFigures, second: ReplayFigures) {
    func figures(_ records: ArraySlice<Replay.Record>) -> ReplayFigures {
      var figures = ReplayFigures()
      for record in records {
        figures.score(
          load: record.load, readyPods: record.ready, orderedPods: record.desired, oraclePods: 0,
          podCapacity: podCapacity)
      }
      return figures
    }
    let middle = records.count / 2
    return (figures(records[..<middle]), figures(records[middle...]))
  }
}
