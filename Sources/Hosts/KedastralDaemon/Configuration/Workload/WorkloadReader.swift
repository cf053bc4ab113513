import KedastralCore
import KedastralHTTP
import KedastralModels

/// Creates a workload from flags, environment, file and defaults, and checks that its parts fit together.
struct WorkloadReader {
  let given: GivenSettings
  /// What all workloads of the file have in common.
  let defaults: WorkloadSection?
  let knownModels: [String]
  /// The workloads whose source the program registers: they need none in the configuration.
  var workloadsWithSource: Set<String> = []
  /// Whether the client certificate of a source is given elsewhere than by files.
  var sourceHasCertificate = false
  let problems: ProblemList

  /// A workload with the positions of the values that are checked against other parts of the configuration.
  struct Workload {
    var configuration: WorkloadConfiguration
    var name: Located<WorkloadName>
    var interval: Located<Duration>
  }

  /// The workload that `section` describes, or, when that is nil, flags and environment; nil when something needed is missing.
  func read(_ section: Section<WorkloadSection>?) -> Workload? {
    let own = section?.content
    let name = given.value(Settings.workload, own?.name)
    if name == nil { given.noteMissing(Settings.workload.descriptor, at: section?.origin) }
    let metric = given.text(Settings.metric, own?.metric, defaults?.metric)
    if metric == nil { given.noteMissing(Settings.metric.descriptor, at: section?.origin) }
    let times = readTimes(own)
    let sourceSection =
      own?.source?.content.inheriting(from: defaults?.source?.content) ?? defaults?.source?.content
    let isSourceRegistered = name.map { workloadsWithSource.contains($0.value.text) } ?? false
    let source =
      isSourceRegistered
      ? .registered
      : SourceReader(
        given: given, section: sourceSection, workloadOrigin: section?.origin, workload: name?.value.text,
        hasCertificate: sourceHasCertificate, problems: problems
      ).read()
    let model = readModel(own?.model, defaults?.model)
    let policySection = (own?.policy ?? PolicySection()).inheriting(from: defaults?.policy)
    let policy = readPolicy(policySection)
    let others = (own?.otherMetrics ?? []).compactMap { other in
      readOther(
        other, of: name?.value.text, model: own?.model ?? defaults?.model, source: sourceSection,
        policy: policySection)
    }
    if let misplaced = defaults?.otherMetrics?.first {
      problems.add(
        misplaced.origin, "defaults apply to every workload, so they cannot have other metrics; move them to a workload"
      )
    }
    guard let name, let metric, let times, let source, let model, let policy,
      let timeZone = given.value(Settings.timeZone, own?.timeZone, defaults?.timeZone),
      let dryRun = given.value(Settings.dryRun, own?.dryRun, defaults?.dryRun)
    else { return nil }
    do throws(TimeZoneRules.UnknownZone) { _ = try TimeZoneRules(named: timeZone.value.text) } catch {
      problems.add(timeZone.origin, error.description)
    }
    let calendar = CalendarReader(given: given, problems: problems).read(own?.calendar, defaults: defaults?.calendar)
    let covariates = readCovariates(
      own, source: source, sourceSection, model: model, zone: timeZone.value.text)
    let leadTime = LeadTimeReader(given: given, problems: problems).read(
      own, defaults: defaults, of: name.value, source: source)
    let replicas = readReplicasQuery(own, source: source)
    let labels = given.value(Settings.workloadLabels, own?.labels)?.value.pairs ?? [:]
    var configuration = WorkloadConfiguration(
      name: name.value, metric: metric.value, source: source, model: model, policy: policy,
      horizon: times.horizon.value, step: times.step.value, interval: times.interval.value,
      window: times.window.value, settleTime: times.settleTime?.value, maxSampleAge: times.maxSampleAge?.value,
      bridge: times.bridge.value, leadTime: leadTime, replicasQuery: replicas, timeZone: timeZone.value.text,
      calendar: calendar, covariates: covariates, isDryRun: dryRun.value,
      series: readSeries(own?.series, horizon: times.horizon.value), otherMetrics: others)
    configuration.labels = (defaults?.labels?.value.pairs ?? [:]).merging(labels) { $1 }
    configuration.startingPods = readStartingPods(own, of: name.value, source: source)
    return Workload(configuration: configuration, name: name, interval: times.interval)
  }

  /// A further metric; `model`, `source` and `policy` are the workload's, for missing settings.
  private func readOther(
    _ section: Section<MetricSection>, of workload: String?, model: ModelSection?, source: SourceSection?,
    policy: PolicySection
  ) -> MetricConfiguration? {
    let own = section.content
    if own.metric == nil { given.noteMissing(Settings.metric.descriptor, at: section.origin) }
    let shared = source?.withoutMeasured
    let source = SourceReader(
      given: given, section: own.source?.content.inheriting(from: shared) ?? shared, workloadOrigin: section.origin,
      workload: source?.labelValue?.value ?? workload, hasCertificate: sourceHasCertificate, problems: problems
    ).read()
    let target = own.policy?.targetPerPod
    if target == nil { given.noteMissing(Settings.targetPerPod.descriptor, at: section.origin) }
    let model = readModel(own.model, model)
    var policy = readPolicy((own.policy ?? PolicySection()).inheriting(from: policy))
    // A flag's target is that of the workload's own metric.
    if let target { policy?.targetPerPod = target.value }
    guard let metric = own.metric, let source, let model, let policy else { return nil }
    return MetricConfiguration(metric: metric.value, source: source, model: model, policy: policy)
  }

  /// The parts of the forecast to export; nil for none.
  private func readSeries(_ own: SeriesSection?, horizon: Duration) -> ForecastSeries? {
    let common = defaults?.series
    guard let quantiles = given.value(Settings.seriesQuantiles, own?.quantiles, common?.quantiles) else { return nil }
    let ahead = given.value(Settings.seriesAhead, own?.ahead, common?.ahead)
    let write = given.value(Settings.seriesWrite, own?.write, common?.write)
    if let write, write.value < .zero || write.value > horizon {
      problems.add(
        write.origin,
        "\(DurationText.format(write.value)) is not between 0 and the horizon \(DurationText.format(horizon)); shorten it or lengthen the horizon"
      )
    }
    let written = write.flatMap { $0.value > .zero ? $0.value : nil }
    let distances = ahead?.value ?? []
    guard !distances.isEmpty || written != nil else { return nil }
    for distance in distances where distance <= .zero || distance > horizon {
      problems.add(
        ahead?.origin ?? .nowhere,
        "\(DurationText.format(distance)) ahead is not between 0 and the horizon \(DurationText.format(horizon)); shorten it or lengthen the horizon"
      )
    }
    if distances.count > 20 || quantiles.value.count > 20 {
      problems.add(
        ahead?.origin ?? quantiles.origin, "more than 20 times ahead or quantiles are exported; choose fewer")
    }
    return ForecastSeries(ahead: distances, quantiles: quantiles.value.compactMap(\.level), write: written)
  }

  private struct Times {
    var horizon, step, interval, window, bridge: Located<Duration>
    var settleTime, maxSampleAge: Located<Duration>?
  }

  private func readTimes(_ own: WorkloadSection?) -> Times? {
    guard let horizon = given.value(Settings.horizon, own?.horizon, defaults?.horizon),
      let step = given.value(Settings.step, own?.step, defaults?.step),
      let interval = given.value(Settings.interval, own?.interval, defaults?.interval),
      let window = given.value(Settings.window, own?.window, defaults?.window),
      let bridge = given.value(Settings.bridge, own?.bridge, defaults?.bridge)
    else { return nil }
    let times = Times(
      horizon: horizon, step: step, interval: interval, window: window, bridge: bridge,
      settleTime: given.value(Settings.settleTime, own?.settleTime, defaults?.settleTime),
      maxSampleAge: given.value(Settings.maxSampleAge, own?.maxSampleAge, defaults?.maxSampleAge))
    for (name, time) in [
      ("bridge", bridge), ("settle time", times.settleTime), ("largest sample age", times.maxSampleAge),
    ] {
      guard let time, time.value < .zero else { continue }
      problems.add(time.origin, "the \(name) \(text(time)) is negative; write one such as 10m")
    }
    if interval.value <= .zero {
      problems.add(interval.origin, "the interval \(text(interval)) is not positive; write one such as 30s")
    }
    guard step.value >= .seconds(1) else {
      problems.add(step.origin, "the step \(text(step)) is shorter than a second; write one such as 1m")
      return times
    }
    if horizon.value < step.value {
      problems.add(
        later(step, horizon),
        "the horizon \(text(horizon)) is shorter than the step \(text(step)); it must hold at least one step")
    } else if horizon.value / step.value > 10_000 {
      problems.add(
        later(step, horizon),
        "the horizon \(text(horizon)) has more than 10000 steps of \(text(step)); shorten it or lengthen the step")
    }
    if window.value < step.value * 2 {
      problems.add(
        later(step, window),
        "the window \(text(window)) is shorter than two steps of \(text(step)); lengthen it")
    } else if window.value / step.value > 1_000_000 {
      problems.add(
        later(step, window),
        "the window \(text(window)) has more than 1000000 steps of \(text(step)); shorten it or lengthen the step")
    }
    return times
  }

  private func readModel(_ own: ModelSection?, _ common: ModelSection?) -> ModelConfiguration? {
    guard let name = given.value(Settings.model, own?.name, common?.name) else { return nil }
    if !knownModels.contains(name.value) {
      problems.add(
        name.origin,
        "'\(Redaction.shown(name.value))' is not a known model\(Suggestion.hint(for: name.value, among: knownModels))")
    }
    // Orders in the defaults belong to the model that the defaults name.
    let inherited = own?.name == nil || own?.name?.value == common?.name?.value ? common : nil
    let isSeasonal = name.value == "sarima"
    let settings: [Setting<Int>?] =
      isSeasonal
      ? [
        Settings.sarimaP, Settings.sarimaD, Settings.sarimaQ, Settings.sarimaSP, Settings.sarimaSD,
        Settings.sarimaSQ, Settings.sarimaS,
      ]
      : name.value == "arima"
        ? [Settings.arimaP, Settings.arimaD, Settings.arimaQ, nil, nil, nil, nil] : Array(repeating: nil, count: 7)
    var values: [Int?] = []
    for (index, key) in ["p", "d", "q", "P", "D", "Q", "s"].enumerated() {
      let fromFile = own?.orders[index] ?? inherited?.orders[index]
      guard let setting = settings[index] else {
        // A flag may have chosen another model than the file's; then the file's orders are of no use, but not wrong.
        if let fromFile, case .file = name.origin {
          let owner = index < 3 ? "arima and sarima have" : "sarima has"
          problems.add(fromFile.origin, "the model \(name.value) has no order '\(key)'; only \(owner)")
        }
        values.append(nil)
        continue
      }
      let order = given.value(setting, fromFile)
      if let order, order.value < 0 || (key == "s" && order.value == 1) {
        let right = key == "s" ? "write 0 for no season, or at least 2" : "write 0 or more"
        problems.add(order.origin, "the order \(key) = \(order.value) is too small; \(right)")
      }
      values.append(order?.value)
    }
    let byomURL = given.value(Settings.byomURL, own?.byomURL, common?.byomURL)
    if name.value == "byom", byomURL == nil {
      problems.add(
        name.origin, "the model byom needs the URL of the forecasting service; give byomUrl (-byom-url, BYOM_URL)")
    }
    return ModelConfiguration(name: name.value, order: Arima.Order(values), byomURL: byomURL?.value)
  }

  private func readPolicy(_ section: PolicySection) -> PolicyConfiguration? {
    guard let target = given.value(Settings.targetPerPod, section.targetPerPod),
      let headroom = given.value(Settings.headroom, section.headroom),
      let level = given.value(Settings.quantileLevel, section.quantileLevel),
      let cost = given.value(Settings.shortageCost, section.shortageCost),
      let objective = given.value(Settings.objective, section.objective),
      let min = given.value(Settings.minReplicas, section.min),
      let max = given.value(Settings.maxReplicas, section.max),
      let upMaxFactor = given.value(Settings.upMaxFactor, section.upMaxFactor),
      let downMaxPercent = given.value(Settings.downMaxPercent, section.downMaxPercent),
      let prewarmSteps = given.value(Settings.prewarmSteps, section.prewarmSteps),
      let rounding = given.value(Settings.rounding, section.rounding),
      let reactiveFloor = given.value(Settings.reactiveFloor, section.reactiveFloor),
      let accuracyGate = given.value(Settings.accuracyGate, section.accuracyGate)
    else { return nil }
    check(
      target, { $0 > 0 }, "the target per pod", "is not positive; write the load that one pod can serve, such as 100")
    check(headroom, { $0 > 0 }, "the headroom", "is not positive; write 1.2 to add 20 %")
    check(
      cost, { $0 >= 0 }, "the shortage cost",
      "is negative; write pod-minutes such as 30, or 0 to use the quantile or headroom")
    let share = objectiveShare(
      objective,
      others: [
        ("headroom", headroom.origin), ("quantile level", level.value.level == nil ? .nowhere : level.origin),
        ("shortage cost", cost.value == 0 ? .nowhere : cost.origin),
      ])
    check(min, { $0 >= 0 }, "the minimum", "is negative; write 0 or more")
    check(max, { $0 >= 1 }, "the maximum", "is less than 1; write 1 or more")
    if min.value > max.value, max.value >= 1 {
      problems.add(
        later(max, min), "the minimum \(min.value) is more than the maximum \(max.value); raise one or lower the other")
    }
    check(upMaxFactor, { $0 >= 1 }, "the growth factor", "is less than 1; write 2 so that replicas can double per step")
    check(
      downMaxPercent, { (0...100).contains($0) }, "the percentage",
      "is outside the range 0 to 100; write 50 so that replicas can halve per step")
    check(
      prewarmSteps, { (0...10_000).contains($0) }, "the prewarm steps",
      "are outside the range 0 to 10000; write 0 for none")
    check(
      accuracyGate, { $0 >= 0 }, "the accuracy gate",
      "is negative; write a share of the load such as 0.5, or 0 for none")
    let activation = given.value(Settings.activationThreshold, section.activationThreshold)
    if let activation {
      check(activation, { $0 >= 0 }, "the activation threshold", "is negative; write a load of 0 or more")
    }
    return PolicyConfiguration(
      targetPerPod: target.value, headroom: headroom.value, quantileLevel: level.value.level,
      shortageCost: cost.value > 0 ? cost.value : nil, objective: share, minReplicas: min.value, maxReplicas: max.value,
      upMaxFactor: upMaxFactor.value, downMaxPercent: downMaxPercent.value,
      prewarmSteps: prewarmSteps.value, rounding: rounding.value, reactiveFloor: reactiveFloor.value,
      accuracyGate: accuracyGate.value > 0 ? accuracyGate.value : nil, activationThreshold: activation?.value,
      schedules: (section.schedules ?? []).compactMap { readSchedule($0, max: max) })
  }

  /// The objective, if it counts: a flag or variable for another margin replaces the file's objective, and the other way round.
  /// Two in the same place are a problem.
  private func objectiveShare(_ objective: Located<ObjectiveShare>, others: [(name: String, origin: Origin)]) -> Double?
  {
    guard let share = objective.value.share else { return nil }
    for (name, origin) in others where origin.rank >= objective.origin.rank {
      guard origin.rank == objective.origin.rank else { return nil }
      problems.add(objective.origin, "an objective and a \(name) exclude each other; remove one of them")
    }
    return share
  }

  private func readSchedule(_ section: Section<ScheduleSection>, max: Located<Int>) -> ScheduledBounds.Rule? {
    let own = section.content
    func missing(_ key: String, _ right: String) {
      guard case .file(_, _, _, let path) = section.origin, !problems.concern(key: "\(path).\(key)") else { return }
      problems.add(section.origin, "the key '\(key)' is missing: \(right)")
    }
    if own.begins == nil {
      missing("begins", "the time at which the bounds begin to apply, such as \"30 8 * * mon-fri\"")
    }
    if own.duration == nil { missing("duration", "how long they apply, such as 2h") }
    if own.min == nil, own.max == nil { missing("min", "the minimum replicas during this time, or 'max', the maximum") }
    guard let begins = own.begins, let duration = own.duration else { return nil }
    if duration.value <= .zero || duration.value > .seconds(366 * 86_400) {
      problems.add(duration.origin, "the duration \(text(duration)) is not between 0 and a year; write one such as 2h")
    }
    for bound in [own.min, own.max].compactMap(\.self) {
      check(bound, { $0 >= 0 }, "the bound", "is negative; write 0 or more")
    }
    if let least = own.min, let most = own.max, least.value > most.value {
      problems.add(
        least.origin,
        "the minimum \(least.value) is more than the maximum \(most.value); raise one or lower the other")
    }
    if let least = own.min, least.value > max.value, own.max.map({ least.value <= $0.value }) ?? true {
      problems.add(
        least.origin,
        "the schedule's minimum \(least.value) is more than the workload's maximum \(max.value); raise policy.max")
    }
    return ScheduledBounds.Rule(
      begins: begins.value, duration: duration.value, minReplicas: own.min?.value, maxReplicas: own.max?.value)
  }

  private func check<Value>(
    _ value: Located<Value>, _ isRight: (Value) -> Bool, _ name: String, _ message: String
  ) {
    if !isRight(value.value) { problems.add(value.origin, "\(name) \(value.value) \(message)") }
  }

  private func text(_ duration: Located<Duration>) -> String { DurationText.format(duration.value) }

  /// Of two values that do not fit, the place of the one that somebody gave, rather than that of a default.
  private func later<First, Second>(_ first: Located<First>, _ second: Located<Second>) -> Origin {
    second.origin.isBuiltIn ? first.origin : second.origin
  }
}

extension PolicySection {
  /// This section, completed from another one.
  fileprivate func inheriting(from other: PolicySection?) -> PolicySection {
    guard let other else { return self }
    var result = self
    result.targetPerPod = targetPerPod ?? other.targetPerPod
    if objective?.value.share == nil {
      result.headroom = headroom ?? other.headroom
      result.quantileLevel = quantileLevel ?? other.quantileLevel
      result.shortageCost = shortageCost ?? other.shortageCost
    }
    if headroom == nil, quantileLevel == nil, shortageCost == nil { result.objective = objective ?? other.objective }
    result.min = min ?? other.min
    result.max = max ?? other.max
    result.upMaxFactor = upMaxFactor ?? other.upMaxFactor
    result.downMaxPercent = downMaxPercent ?? other.downMaxPercent
    result.prewarmSteps = prewarmSteps ?? other.prewarmSteps
    result.rounding = rounding ?? other.rounding
    result.reactiveFloor = reactiveFloor ?? other.reactiveFloor
    result.accuracyGate = accuracyGate ?? other.accuracyGate
    result.activationThreshold = activationThreshold ?? other.activationThreshold
    result.schedules = schedules ?? other.schedules
    return result
  }
}

extension Arima.Order {
  /// From p, d, q, P, D, Q, s, where a missing one is 0; nil when all are 0, which means that the model chooses.
  fileprivate init?(_ values: [Int?]) {
    let terms = values.map { $0 ?? 0 }
    guard terms.contains(where: { $0 != 0 }) else { return nil }
    self.init(
      p: terms[0], d: terms[1], q: terms[2], seasonalP: terms[3], seasonalD: terms[4], seasonalQ: terms[5],
      season: max(1, terms[6]))
  }
}
