#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Explains the planned replicas of a workload: every number between the load and the response to KEDA, as data and as text.
///
///     let explanation = PlanExplanation(record, leadTime: .seconds(300), at: now)
///     explanation.replicas        // 8
///     explanation.clamps          // [.growth]
///     explanation.text            // "api-app: 8 replicas. …", some short sentences
/// It is derived from the plan's steps. A process that only serves a plan has only the snapshot; `need`, `clamps` and `margin` are
/// then nil.
package struct PlanExplanation: Sendable, Equatable, Codable {
  /// The next change of the requested replicas.
  package struct Change: Sendable, Equatable, Codable {
    /// The time of the change.
    package var at: Date
    /// The replicas from then on.
    package var replicas: Int
  }

  /// A part of the plan that limits keep below what the load requires.
  package struct Shortfall: Sendable, Equatable, Codable {
    /// Its start.
    package var at: Date
    /// The replicas planned.
    package var planned: Int
    /// The replicas that the load requires.
    package var required: Int
  }

  /// The workload.
  package var workload: String
  /// The metric with the largest need.
  package var metric: String
  /// The time that is explained.
  package var now: Date
  /// The replicas that KEDA receives now, when its trigger sets only the lead time.
  package var replicas: Int
  /// The lead time.
  package var leadTimeSeconds: Double
  /// The measured start-up of the pods; nil when it is not measured.
  package var startup: PodStartup?
  /// Whether the plan is a dry run, which is not served.
  package var isDryRun: Bool
  /// When the plan was made.
  package var generatedAt: Date
  /// Its age; negative when its date is ahead of the reader's clock.
  package var ageSeconds: Double
  /// Whether it is too old, dated too far ahead, or bridged for too long to be served; nil when the age limit is unknown.
  package var isStale: Bool?
  /// The workload's state; nil when it is unknown.
  package var state: WorkloadState?
  /// The error of the latest failed rounds, or the last error of the source; nil without an error.
  package var problem: String?
  /// When the first of the failed rounds in a row happened.
  package var problemSince: Date?

  /// The last measured load; nil when it is too old to be the current load.
  package var currentLoad: Double?
  /// The time of the newest sample that the plan is based on.
  package var newestSampleAt: Date?
  /// The time until which a bridged plan is served, one based on the forecast alone because samples are missing; otherwise nil.
  package var bridgedUntil: Date?
  /// The load forecast for `now` + the lead time, or for the forecast's end if that is earlier.
  package var forecastAtLead: Double
  /// The length of the forecast, if it is shorter than the lead time; otherwise nil.
  package var forecastOnlySeconds: Double?
  /// The start of the deciding step, the one with the most replicas until the lead time.
  package var stepBegins: Date
  /// Its end.
  package var stepEnds: Date
  /// The load forecast for it.
  package var forecast: Double
  /// The planned load of it.
  package var plannedLoad: Double?
  /// The quantile level, if the planned load is a quantile.
  package var quantile: Double?
  /// The headroom factor, if the planned load is the forecast times headroom.
  package var headroom: Double?
  /// The shortage cost in pod-minutes, if the plan uses one.
  package var shortageCost: Double?
  /// The share of the minutes in which the pods should suffice, if the plan uses such an objective.
  package var objective: Double?
  /// The share of the minutes of the last days in which they did; nil when it is unknown.
  package var objectiveReached: Double?
  /// The width of the objective's margin: 1 is what the forecast's quantiles say.
  package var objectiveWidth: Double?
  /// The load that one pod should serve.
  package var targetPerPod: Double?
  /// The replicas that the planned load needs, before any limit.
  package var need: Int?
  /// The maximum of the required replicas until the lead time, before any limit; above `replicas` the plan is capped.
  package var required: Int?
  /// The part of the rest of the plan that limits keep below the required replicas; nil if there is none.
  package var shortfallAhead: Shortfall?
  /// The minimum replicas that the policy allows.
  package var minReplicas: Int?
  /// The maximum replicas that the policy allows.
  package var maxReplicas: Int?
  /// The limits and changes that applied.
  package var clamps: [CapacityPlan.Adjustment]?

  /// The model.
  package var model: String?
  /// The mean absolute error of recent forecasts divided by the mean load: 0.06 is 6 %. Until there are enough loads to compare
  /// with, it is the error on parts of the history that were held out of the fit.
  package var recentError: Double?
  /// The horizon of `recentError`, in seconds.
  package var recentErrorAheadSeconds: Double?
  /// The share of recent loads that stayed below a quantile, by level.
  package var coverage: [String: Double]?
  /// Whether the model uses the workload's covariates, and why; nil without any.
  package var covariates: [CovariateUse]?
  /// The reasons given by model and policy.
  package var reason: String?
  /// The next change, within the plan.
  package var nextChange: Change?
}

extension PlanExplanation {
  /// Explains a plan that this process computed.
  ///
  /// - Parameters:
  ///   - leadTime: the lead time of KEDA's trigger.
  ///   - staleAfter: the age from which plans are not served, if that is known.
  ///   - problem: the error of the workload's latest rounds.
  package init(
    _ record: PlanRecord, leadTime: Duration, staleAfter: Duration? = nil, problem: WorkloadProblem? = nil, at now: Date
  ) {
    self.init(record.snapshot, leadTime: leadTime, staleAfter: staleAfter, problem: problem, at: now)
    let step = record.steps[record.snapshot.decidingStep(leadTime: leadTime, at: now)]
    let metric = record.basis.metrics[step.metric]
    self.metric = metric.name
    need = step.need
    covariates = metric.forecast.covariates.isEmpty ? nil : metric.forecast.covariates
    clamps = CapacityPlan.Adjustment.allCases.filter(step.adjustments.contains)
    switch step.margin {
    case .quantile(let level): quantile = level
    case .headroom(let factor): headroom = factor
    case .shortageCost(let podMinutes): shortageCost = podMinutes
    case .objective(let share):
      objective = share
      objectiveWidth = metric.state.objectiveWidth
      objectiveReached = metric.objectiveReached
    case nil: break
    }
    if step.metric > 0 {
      // The planned load is in the unit of the deciding metric.
      let target = metric.policy.targetPerPod
      let share = targetPerPod.map { target / $0 } ?? 1
      plannedLoad = plannedLoad.map { $0 * share }
      targetPerPod = target
      currentLoad = metric.state.currentLoad
      recentError = metric.state.forecastError
      model = metric.forecast.model
      coverage = nil
      func forecast(at instant: Date) -> Double {
        let steps = instant.timeIntervalSince(metric.forecast.start) / metric.forecast.step.inSeconds
        let index = min(max(0, Int(min(steps, 1e9).rounded(.up)) - 1), metric.forecast.values.count - 1)
        return metric.forecast.values[index]
      }
      self.forecast = forecast(at: stepEnds)
      forecastAtLead = forecast(at: now + leadTime)
    }
  }

  /// Explains a plan from its snapshot only.
  package init(
    _ snapshot: Snapshot, leadTime: Duration, staleAfter: Duration? = nil, problem: WorkloadProblem? = nil, at now: Date
  ) {
    let deciding = snapshot.decidingStep(leadTime: leadTime, at: now)
    let ageSeconds = now.timeIntervalSince(snapshot.generatedAt)
    let question = ScalingQuestion(leadTime: leadTime)
    self.init(
      workload: snapshot.workload.text, metric: snapshot.metric, now: now,
      replicas: snapshot.desiredReplicas[deciding], leadTimeSeconds: leadTime.inSeconds,
      startup: snapshot.leadTime?.startup, isDryRun: snapshot.isDryRun,
      generatedAt: snapshot.generatedAt, ageSeconds: ageSeconds,
      isStale: staleAfter.map { snapshot.staleness(at: now, limit: $0) != nil },
      state: staleAfter.map {
        WorkloadState(snapshot, problem: problem, staleAfter: $0, leadTime: leadTime, at: now)
      }, problem: problem.map { "\($0.stage.rawValue): \($0.text)" } ?? snapshot.problem, problemSince: problem?.since,
      currentLoad: snapshot.currentValue, newestSampleAt: snapshot.newestSampleAt, bridgedUntil: snapshot.bridgedUntil,
      forecastAtLead: snapshot.values[snapshot.stepRange(ahead: leadTime, from: now).steps.upperBound],
      forecastOnlySeconds: snapshot.reach < leadTime ? snapshot.reach.inSeconds : nil,
      stepBegins: snapshot.generatedAt + snapshot.step * deciding,
      stepEnds: snapshot.generatedAt + snapshot.step * (deciding + 1), forecast: snapshot.values[deciding],
      plannedLoad: snapshot.plannedLoad.indices.contains(deciding) ? snapshot.plannedLoad[deciding] : nil,
      targetPerPod: snapshot.targetPerPod,
      required: snapshot.requirement(leadTime: leadTime, at: now),
      shortfallAhead: snapshot.shortfallAhead(leadTime: leadTime, at: now).map {
        Shortfall(at: $0.begins, planned: $0.planned, required: $0.required)
      }, minReplicas: snapshot.minReplicas, maxReplicas: snapshot.maxReplicas,
      model: snapshot.model, recentError: snapshot.accuracy?.relativeError,
      recentErrorAheadSeconds: snapshot.accuracy?.relativeError.map { _ in
        (snapshot.step * Forecast.stepsJudged(snapshot.step)).inSeconds
      },
      coverage: snapshot.accuracy?.coverage, reason: snapshot.reason,
      nextChange: snapshot.nextChange(of: question, after: now).map { Change(at: $0.instant, replicas: $0.replicas) })
  }

  /// As JSON, instants in RFC 3339.
  package func json() throws -> Data {
    let encoder = JSONEncoder.stable
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(Timestamp.format(date))
    }
    return try encoder.encode(self)
  }

  /// Reads the output of `json()`.
  package init(json: Data) throws {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let text = try decoder.singleValueContainer().decode(String.self)
      guard let date = Timestamp.parse(text) else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "is '\(text.prefix(40))', not an RFC 3339 instant"))
      }
      return date
    }
    self = try decoder.decode(PlanExplanation.self, from: json)
  }
}

extension Snapshot {
  /// The step whose replicas are requested: the first one with the most replicas from now until the lead time.
  func decidingStep(leadTime: Duration, at now: Date) -> Int {
    let steps = stepRange(ahead: leadTime, from: now).steps
    return steps.max { (desiredReplicas[$0], -$0) < (desiredReplicas[$1], -$1) } ?? steps.lowerBound
  }

  /// The first change of the requested replicas after `now`; nil when the plan has no change.
  func nextChange(of question: ScalingQuestion, after now: Date) -> (instant: Date, replicas: Int)? {
    func replicas(at instant: Date) -> Int? { answer(question, at: instant).map { Int($0.value) } }
    let present = replicas(at: now)
    // The requested replicas change when a step ends, or when one comes within the lead time.
    let borders = (0...desiredReplicas.count).flatMap { index in
      let border = generatedAt + step * index
      return [border, border - question.leadTime]
    }
    for border in borders.filter({ $0 > now }).sorted() {
      guard let then = replicas(at: border + .milliseconds(1)), then != present else { continue }
      return (border, then)
    }
    return nil
  }
}
