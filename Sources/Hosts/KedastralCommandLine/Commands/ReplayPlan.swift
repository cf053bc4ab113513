import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralHTTP

/// Which policies a replay pits against each other, by a command's options.
struct ReplayPlan {
  static let policies = usualPolicies + ["hpa-unready"] + controls
  /// The policies that are replayed by default.
  private static let usualPolicies = ["hpa", "kedastral", "reference", "oracle"]
  /// The controls that use Kedastral's policy with a forecast that needs no model.
  static let controls = ["persistence", "extrapolation"]
  /// The parameter values of a sweep. For Kedastral it is the cost of one minute short of pods, in pod-minutes; at the
  /// cheap end, pods are assigned more load than they can serve.
  private static let sweptUtilizations = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
  private static let sweptHeadrooms = [0.8, 0.9, 1, 1.1, 1.2, 1.35, 1.5, 1.75, 2, 2.5, 3]
  private static let sweptCosts: [(cost: Double, share: Double)] = [
    (1, 1.6), (1, 1.3), (1, 1.15), (1, 1), (1.3, 1), (1.7, 1), (2.2, 1), (3, 1), (4, 1), (5, 1), (6.5, 1), (8, 1),
    (10, 1),
    (13, 1), (17, 1), (22, 1), (30, 1), (40, 1), (50, 1), (65, 1), (80, 1), (100, 1), (130, 1), (170, 1), (220, 1),
    (300, 1),
    (400, 1), (500, 1), (650, 1), (800, 1), (1000, 1), (1300, 1), (1700, 1), (2200, 1), (3300, 1),
  ]

  /// The forecaster's step.
  let step: Duration
  private let chosen: [String]
  private let interpolation: ReplayLoad.Interpolation
  private let startups: [Duration]
  private let utilizations: [Double]
  private let models: [any Model]
  private let leadTime: Duration?
  private let mode: ScalingQuestion.Mode
  private let selection: ScalingQuestion.Selection
  private let behavior: HorizontalAutoscaler.Behavior
  private let reactiveBehavior: HorizontalAutoscaler.Behavior
  /// The autoscaler behavior for the Go implementation's policy: the Kubernetes defaults.
  private let referenceBehavior: HorizontalAutoscaler.Behavior
  private let hasReactiveTrigger: Bool
  private let podCapacity: Double?
  private let warmup: Duration?
  private let practice: Duration
  private let interval: Duration?
  private let window: Duration
  /// The daemon's horizon; by default as long as the lead time requires.
  private let horizon: Duration
  private let policy: PolicyConfiguration
  private let timeZone: String
  private let hasTarget: Bool
  /// Further margins of kedastral, as they were written.
  private let margins: [String]

  init(_ options: CommandOptions, _ settings: WorkloadSettings) throws {
    let words = options.list("policy")
    chosen = words.isEmpty ? Self.usualPolicies : words
    interpolation = options.choice("interpolation") ?? .hold
    let durations = try options.durations("startup")
    startups = durations.isEmpty ? [.seconds(60), .seconds(180)] : durations
    for startup in startups where startup < .zero || startup > .seconds(3600) {
      throw UsageError(description: "--startup \(DurationText.format(startup)) is not between 0s and 1h")
    }
    utilizations = try (options.has("utilization") ? options.list("utilization") : ["0.7"]).map { text in
      guard let value = Double(text), value > 0, value <= 1 else {
        throw UsageError(description: "--utilization '\(text)' is not a share between 0 and 1, such as 0.7")
      }
      return value
    }
    let names = options.list("model")
    let asked: [String?] = names.isEmpty ? [nil] : names
    models = chosen.contains("kedastral") ? try asked.map(settings.model) : []
    leadTime = try options.duration("lead-time")
    mode = options.choice("mode") ?? .replicas
    selection = options.choice("select") ?? .maximum
    hasReactiveTrigger = options.has("reactive-trigger")
    podCapacity = try options.positiveNumber("pod-capacity")
    warmup = try options.duration("warmup")
    practice = try options.duration("practice") ?? .zero
    step = settings.workload.step
    interval =
      try options.duration("interval") ?? (settings.areFromFile ? max(step, settings.workload.interval) : nil)
    window = settings.workload.window
    var policy = settings.workload.policy
    if !settings.areFromFile, !settings.has("max") { policy.maxReplicas = max(1000, policy.minReplicas) }
    self.policy = policy
    timeZone = settings.workload.timeZone
    horizon = settings.areFromFile || policy.accuracyGate != nil ? settings.workload.horizon : .zero
    let referenceBehavior = HorizontalAutoscaler.Behavior(
      minReplicas: policy.minReplicas, maxReplicas: policy.maxReplicas)
    self.referenceBehavior = referenceBehavior
    func behavior(_ prefix: String) throws -> HorizontalAutoscaler.Behavior {
      var behavior = referenceBehavior
      if let window = try options.duration("\(prefix)stabilization") { behavior.scaleDownStabilization = window }
      if let text = options.value("\(prefix)tolerance") {
        guard let tolerance = Double(text), (0..<1).contains(tolerance) else {
          throw UsageError(description: "--\(prefix)tolerance '\(text)' is not a share from 0 to 1, such as 0.1")
        }
        behavior.tolerance = tolerance
      }
      return behavior
    }
    self.behavior = try behavior("")
    reactiveBehavior = try behavior("hpa-")
    hasTarget = settings.areFromFile || settings.has("target-per-pod")
    margins = options.list("margin")
    do throws(InvalidMargin) { for margin in margins { _ = try policy.withMargin(margin) } } catch {
      throw UsageError(description: "\(options.typed("margin")) \(error)")
    }
  }

  /// The replay of one load.
  func replay(of trace: TraceInput.Trace) throws -> Replay {
    let load = ReplayLoad(trace.series, interpolation: interpolation)
    let capacity = podCapacity ?? (hasTarget ? policy.targetPerPod : load.podCapacity(pods: 20))
    var replay = try Replay(
      load, podCapacity: capacity, minReplicas: policy.minReplicas, warmup: warmup, practice: practice, step: step,
      interval: interval, window: window)
    replay.maxReplicas = policy.maxReplicas
    return replay
  }

  /// Which policies are replayed with each value of their parameter, too.
  enum Sweep {
    case none
    /// Kedastral's, for the verdict.
    case forVerdict
    case all
  }

  /// A policy in a replay, with its settings or with a value of a sweep.
  struct Competitor {
    let entrant: Replay.Entrant
    /// Whether it has the given settings.
    let isGiven: Bool
  }

  /// The competitors: each policy with its settings and, in a sweep, with each value of its parameter.
  func competitors(of replay: Replay, _ sweep: Sweep) throws -> [Competitor] {
    // A verdict compares the two.
    let isCompared = chosen.contains("hpa") && chosen.contains("kedastral")
    return try startups.flatMap { startup in
      try chosen.flatMap { name in
        let sweeps = sweep == .all || (sweep == .forVerdict && isCompared && name == "kedastral")
        let competitors: [Competitor] =
          switch name {
          case "hpa", "hpa-unready":
            reactive(replay, startup, countsUnready: name == "hpa-unready", sweeps: sweeps)
          case "kedastral":
            try models.flatMap { model in
              let name = models.count > 1 ? "kedastral \(model.name)" : "kedastral"
              return try predictive(model, named: name, replay, startup, sweeps: sweeps)
            }
          case "persistence": try predictive(ControlModel.persistence, named: name, replay, startup, sweeps: sweeps)
          case "extrapolation": try predictive(ControlModel.extrapolation, named: name, replay, startup, sweeps: sweeps)
          case "reference": try reference(replay, startup, sweeps: sweeps)
          default:
            [
              Competitor(
                entrant: Replay.Entrant(
                  OraclePolicy(
                    replay.load, podCapacity: replay.podCapacity, startup: startup, minReplicas: policy.minReplicas,
                    maxReplicas: policy.maxReplicas),
                  startup: startup), isGiven: true)
            ]
          }
        return competitors
      }
    }
  }

  private func reactive(
    _ replay: Replay, _ startup: Duration, countsUnready: Bool, sweeps: Bool
  ) -> [Competitor] {
    let swept = sweeps ? Self.sweptUtilizations.filter { !utilizations.contains($0) } : []
    return (utilizations + swept).enumerated().map { index, utilization in
      Competitor(
        entrant: Replay.Entrant(
          ReactivePolicy(
            utilization: utilization, podCapacity: replay.podCapacity,
            behavior: reactiveBehavior, countsUnready: countsUnready),
          startup: startup, knob: "u=\(utilization.shortText)", isRecorded: utilization == utilizations.first),
        isGiven: index < utilizations.count)
    }
  }

  private func predictive(
    _ model: any Model, named name: String, _ replay: Replay, _ startup: Duration, sweeps: Bool
  ) throws -> [Competitor] {
    let target = hasTarget ? policy.targetPerPod : replay.podCapacity
    func entrant(
      _ settings: PolicyConfiguration, named: String? = nil, knob: String, isRecorded: Bool
    ) throws -> Replay.Entrant {
      let policy = try PredictivePolicy(
        name: named ?? name, model: model,
        policy: settings.makePolicy(timeZone: timeZone),
        question: ScalingQuestion(
          leadTime: leadTime ?? startup + HorizontalAutoscaler.syncPeriod, mode: mode, selection: selection),
        step: step, horizon: horizon, prewarmSteps: settings.prewarmSteps,
        reactiveTarget: hasReactiveTrigger ? settings.targetPerPod : nil,
        behavior: behavior)
      return Replay.Entrant(policy, startup: startup, knob: knob, isRecorded: isRecorded)
    }
    var own = policy
    own.targetPerPod = target
    let margin =
      own.objective.map { "objective=\(($0 * 100).shortText)%" } ?? own.shortageCost.map { "cost=\($0.shortText)" }
      ?? own.quantileLevel.map { "q=\($0.shortText)" }
      ?? "headroom=\(own.headroom.shortText)"
    let swept = try (sweeps ? Self.sweptCosts : []).map { cost, share in
      var settings = own
      settings.shortageCost = cost
      settings.targetPerPod = share * replay.podCapacity
      let knob = "cost=\(cost.shortText)" + (share > 1 ? " u=\(share.shortText)" : "")
      return try entrant(settings, knob: knob, isRecorded: false)
    }
    let given = try entrant(own, knob: margin, isRecorded: true)
    // Each is a policy of its own, with a verdict of its own.
    let further = try (Self.controls.contains(name) ? [] : margins).map { margin in
      try entrant(own.withMargin(margin), named: "\(name) \(margin)", knob: margin, isRecorded: false)
    }
    return [Competitor(entrant: given, isGiven: true)] + swept.map { Competitor(entrant: $0, isGiven: false) }
      + further.map { Competitor(entrant: $0, isGiven: true) }
  }

  private func reference(_ replay: Replay, _ startup: Duration, sweeps: Bool) throws -> [Competitor] {
    let swept = sweeps ? Self.sweptHeadrooms.filter { $0 != 1.2 } : []
    return try ([1.2] + swept).map { headroom in
      let policy = try StandardCapacityPolicy(
        targetPerPod: replay.podCapacity, headroom: headroom, minReplicas: policy.minReplicas,
        maxReplicas: policy.maxReplicas)
      let entrant = Replay.Entrant(
        ReferencePolicy(policy: policy, step: step, behavior: referenceBehavior), startup: startup,
        knob: "headroom=\(headroom.shortText)", isRecorded: headroom == 1.2)
      return Competitor(entrant: entrant, isGiven: headroom == 1.2)
    }
  }
}
