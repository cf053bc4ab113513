#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Why a workload is to have this many replicas now: every figure between the load and the answer, as data and in words.
///
///     let explanation = PlanExplanation(record, leadTime: .seconds(300), at: now)
///     explanation.replicas        // 8
///     explanation.clamps          // [.growth]
///     explanation.text            // "api-app: 8 replicas. …", some short sentences
///
/// It is read off the plan's own steps. A process that only serves a plan knows the snapshot alone; what it cannot know
/// (`need`, `clamps`, `margin`) is nil then.
public struct PlanExplanation: Sendable, Equatable, Codable {
  /// What changed a need into the replicas planned, or the load into the one planned for.
  public enum Clamp: String, Sendable, Codable, CaseIterable {
    /// The minimum raised the replicas.
    case minimum
    /// The maximum cut them.
    case maximum
    /// The limit of growth a step cut them.
    case growth
    /// The limit of shrinkage a step held them up.
    case shrinkage
    /// The current load, higher than the forecast, took its place.
    case reactiveFloor
    /// A schedule's minimum raised the replicas.
    case scheduledMinimum
    /// A schedule's maximum cut them.
    case scheduledMaximum
    /// A higher load of the steps behind counted.
    case prewarm
    /// The current load took the forecast's place, which has been too far off lately.
    case accuracyGate
  }

  /// The next time at which another number of replicas is asked for.
  public struct Change: Sendable, Equatable, Codable {
    /// When.
    public var at: Date
    /// How many then.
    public var replicas: Int
  }

  /// A part of the plan that limits keep below what the load requires.
  public struct Shortfall: Sendable, Equatable, Codable {
    /// When it begins.
    public var at: Date
    /// The replicas planned.
    public var planned: Int
    /// The replicas that the load requires.
    public var required: Int
  }

  /// The workload.
  public var workload: String
  /// The metric that decided.
  public var metric: String
  /// The moment that is explained.
  public var now: Date
  /// What KEDA is told to run now, when its trigger sets nothing but the lead time.
  public var replicas: Int
  /// How far ahead the answer looks.
  public var leadTimeSeconds: Double
  /// Whether nobody is served from the plan.
  public var isDryRun: Bool
  /// When the plan was made.
  public var generatedAt: Date
  /// How old it is; below zero when it is dated ahead of the reader's clock.
  public var ageSeconds: Double
  /// Whether it is too old, dated too far ahead, or bridged for too long to be served; nil when the age from which it is too old
  /// is not known here.
  public var isStale: Bool?
  /// How the workload stands; nil where that is not known.
  public var state: WorkloadState?
  /// What the latest rounds failed with, or the last error of the source; nil when nothing is wrong.
  public var problem: String?
  /// When the first of the failed rounds in a row happened.
  public var problemSince: Date?

  /// The load measured last; nil when it was measured too long ago to be the current one.
  public var currentLoad: Double?
  /// When the newest sample behind the plan was measured.
  public var newestSampleAt: Date?
  /// Set while the plan follows the forecast alone because samples are missing: until when it is served.
  public var bridgedUntil: Date?
  /// The load forecast for `now` + the lead time, or for the forecast's end where that comes before.
  public var forecastAtLead: Double
  /// How far is forecast, where that is less than the lead time; otherwise nil.
  public var forecastOnlySeconds: Double?
  /// The step that decided, the one of the most replicas until the lead time: its beginning and end.
  public var stepBegins: Date
  /// Its end.
  public var stepEnds: Date
  /// The load forecast for it.
  public var forecast: Double
  /// The load that it is planned for.
  public var plannedLoad: Double?
  /// The quantile that the planned load is, when it is one.
  public var quantile: Double?
  /// The factor between forecast and planned load, when that is how it was made.
  public var headroom: Double?
  /// The pod-minutes that a minute with too few pods was held to cost, when the planned load comes of that.
  public var shortageCost: Double?
  /// The load that one pod is meant to serve.
  public var targetPerPod: Double?
  /// The replicas that the planned load needs, before any limit.
  public var need: Int?
  /// The most replicas that the load requires until the lead time, before any limit; above `replicas` the plan is capped.
  public var required: Int?
  /// From when on, and by how much, limits keep the rest of the plan below what the load requires; nil where they do not.
  public var shortfallAhead: Shortfall?
  /// The fewest replicas that the policy allows.
  public var minReplicas: Int?
  /// The most replicas that the policy allows.
  public var maxReplicas: Int?
  /// What changed the need; empty when nothing did.
  public var clamps: [Clamp]?

  /// The model.
  public var model: String?
  /// The mean absolute error of recent forecasts over the mean load: 0.06 is 6 % off. Until enough loads have come to compare
  /// with, it is the error on parts of the history that were held out of the fit.
  public var recentError: Double?
  /// How far ahead the forecasts were whose error that is, in seconds.
  public var recentErrorAheadSeconds: Double?
  /// The share of recent loads that stayed below a quantile, by level.
  public var coverage: [String: Double]?
  /// What model and policy have to say.
  public var reason: String?
  /// The next change, within the plan.
  public var nextChange: Change?
}

extension PlanExplanation {
  /// Explains a plan that was made here.
  ///
  /// - Parameters:
  ///   - leadTime: how far ahead KEDA's trigger asks.
  ///   - staleAfter: the age from which plans are not served, if that is known.
  ///   - problem: what the workload's latest rounds failed with.
  public init(
    _ record: PlanRecord, leadTime: Duration, staleAfter: Duration? = nil, problem: WorkloadProblem? = nil, at now: Date
  ) {
    self.init(record.snapshot, leadTime: leadTime, staleAfter: staleAfter, problem: problem, at: now)
    let step = record.steps[record.snapshot.decidingStep(leadTime: leadTime, at: now)]
    let metric = record.basis.metrics[step.metric]
    self.metric = metric.name
    need = step.need
    clamps = Clamp.allCases.filter { step.limits.contains($0.limit) }
    switch step.margin {
    case .quantile(let level): quantile = level
    case .headroom(let factor): headroom = factor
    case .shortageCost(let podMinutes): shortageCost = podMinutes
    case nil: break
    }
    if step.metric > 0 {
      // What was planned is told in the deciding metric's own unit.
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

  /// Explains a plan of which only the snapshot is known.
  public init(
    _ snapshot: Snapshot, leadTime: Duration, staleAfter: Duration? = nil, problem: WorkloadProblem? = nil, at now: Date
  ) {
    let deciding = snapshot.decidingStep(leadTime: leadTime, at: now)
    let ageSeconds = now.timeIntervalSince(snapshot.generatedAt)
    let question = ScalingQuestion(leadTime: leadTime)
    self.init(
      workload: snapshot.workload.text, metric: snapshot.metric, now: now,
      replicas: snapshot.desiredReplicas[deciding], leadTimeSeconds: leadTime.inSeconds, isDryRun: snapshot.isDryRun,
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
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(Timestamp.format(date))
    }
    return try encoder.encode(self)
  }

  /// Reads what `json()` wrote.
  public init(json: Data) throws {
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

extension PlanExplanation.Clamp {
  fileprivate var limit: CapacityPlan.Limits {
    switch self {
    case .minimum: .minimum
    case .maximum: .maximum
    case .growth: .growth
    case .shrinkage: .shrinkage
    case .reactiveFloor: .reactiveFloor
    case .scheduledMinimum: .scheduledMinimum
    case .scheduledMaximum: .scheduledMaximum
    case .prewarm: .prewarm
    case .accuracyGate: .accuracyGate
    }
  }
}

extension Snapshot {
  /// The step whose replicas are asked for: the first of the most replicas from now to the lead time.
  func decidingStep(leadTime: Duration, at now: Date) -> Int {
    let steps = stepRange(ahead: leadTime, from: now).steps
    return steps.max { (desiredReplicas[$0], -$0) < (desiredReplicas[$1], -$1) } ?? steps.lowerBound
  }

  /// When the answer to a question changes for the first time after `now`, and to what; nil when the plan has no change.
  func nextChange(of question: ScalingQuestion, after now: Date) -> (instant: Date, replicas: Int)? {
    func replicas(at instant: Date) -> Int? { answer(question, at: instant).map { Int($0.value) } }
    let present = replicas(at: now)
    // An answer changes when a step goes by, or when one comes within the lead time.
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
