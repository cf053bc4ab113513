#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a workload's plan was worth: what an HPA would have done with the measured load, beside what the plan asked for.
///
/// Two clusters are simulated as in a replay, sync by sync, once the load of a minute is settled: one scaled by an HPA on the measured
/// load, one by the plan that was in force at the time. Both begin with the pods that the load needs. Each sync costs the same time
/// however long the scorecard is kept.
///
///     var scorecard = Scorecard(ScorecardSettings(), step: .seconds(60), interval: .seconds(30), settleTime: .seconds(300))
///     scorecard.round(snapshot, forecast, loads: [MeasuredLoad(history, settledEnd: end, targetPerPod: 50)])
///     scorecard.report(at: now).windows[0].plan.violationMinutes
///
/// Not counted are minutes whose load is missing once it should be settled, and the time without this process: before its first plan,
/// and pauses of more than ten minutes between two plans. The clusters begin again after such a pause.
package struct Scorecard: Sendable {
  /// The number of days that are kept.
  package static let keptDays = 28
  /// The longest time between two plans that counts.
  static let longestPause: Duration = .seconds(600)
  /// The longest queue of syncs that wait for their load.
  static let mostWaiting = 720

  /// A metric's measured load.
  package struct MeasuredLoad {
    let history: TimeSeries
    let settledEnd: Date
    let targetPerPod: Double

    /// - Parameters:
    ///   - history: the measured samples.
    ///   - settledEnd: the instant of the last sample that does not change any more.
    ///   - targetPerPod: the load that a pod can serve.
    package init(_ history: TimeSeries, settledEnd: Date, targetPerPod: Double) {
      self.history = history
      self.settledEnd = settledEnd
      self.targetPerPod = targetPerPod
    }
  }

  fileprivate struct Cluster {
    var cluster: SimulatedCluster
    var autoscaler: SimulatedAutoscaler
  }

  let settings: ScorecardSettings
  private let step: Duration
  private let staleAfter: Duration
  /// The longest time that a minute waits for its load.
  private let patience: Duration
  /// The days with results, ascending.
  var days: [ScorecardDay] = []
  /// What the plan asked for at the syncs that wait for their load.
  private var waiting: [PlannedSync] = []
  /// The first sync that waits, or will; the first one of a minute. Nil before the first plan.
  private var nextSync: Int?
  private var clusters: (autoscaler: Cluster, plan: Cluster)?
  private var forecasts: LeadTimeForecasts
  private var inForce: Snapshot?

  /// Creates an empty scorecard.
  ///
  /// - Parameters:
  ///   - step: the time between two samples.
  ///   - interval: the time between two plans.
  ///   - settleTime: how long after its instant a sample can change.
  package init(_ settings: ScorecardSettings, step: Duration, interval: Duration, settleTime: Duration) {
    self.settings = settings
    self.step = step
    staleAfter = settings.staleAfter ?? max(.seconds(120), interval * 2)
    let wait = settleTime * 2 + step + interval + .seconds(60)
    patience = min(wait, SimulatedAutoscaler.syncPeriod * (Self.mostWaiting - 8))
    forecasts = LeadTimeForecasts(waiting: wait)
  }

  /// How far ahead the plan in force is asked for replicas: the workload's own lead time, or the host's.
  var leadTime: Duration { inForce?.leadTime(orElse: settings.leadTime) ?? settings.leadTime }
  /// The time from a pod's creation to its first request, as measured or as set.
  var startup: Duration {
    inForce?.leadTime?.startup.map { .seconds(min(max(0, $0.seconds), 3600)) } ?? settings.startup
  }

  /// The earliest load that the next round needs; nil when it needs none.
  package var earliestLoad: Date? {
    let instants = [nextSync.map(Self.instant), forecasts.earliest].compactMap(\.self)
    return instants.min().map { $0 - max(step, .seconds(60)) }
  }

  /// Adds a round: the plan that comes into force with `snapshot`, its forecast, and the loads measured up to now.
  ///
  /// - Parameters:
  ///   - forecast: the forecast of the workload's main metric.
  ///   - loads: the load of each metric, the main one first.
  ///   - pods: the ready pods as far as they are known.
  package mutating func round(
    _ snapshot: Snapshot, _ forecast: Forecast, loads: [MeasuredLoad], pods: RealPods = RealPods()
  ) {
    noteWaiting(before: snapshot.generatedAt)
    score(loads, pods, at: snapshot.generatedAt)
    if let main = loads.first {
      for compared in forecasts.settle(main.history, upTo: main.settledEnd) {
        withDay(of: compared.instant) { $0 += compared.counts }
      }
    }
    inForce = snapshot
    forecasts.remember(forecast, leadTime: leadTime)
  }

  // MARK: Syncs

  /// Notes what the plan in force asked for at the syncs before `now`.
  private mutating func noteWaiting(before now: Date) {
    let end = Self.sync(at: now)
    guard let inForce, let nextSync, now >= inForce.generatedAt,
      now.timeIntervalSince(inForce.generatedAt) <= max(Self.longestPause, staleAfter).inSeconds
    else { return begin(at: end) }
    let question = ScalingQuestion(leadTime: leadTime)
    var sync = nextSync + waiting.count
    while sync < end {
      let instant = Self.instant(of: sync)
      let isServed = inForce.staleness(at: instant, limit: staleAfter) == nil
      waiting.append(
        PlannedSync(
          replicas: isServed ? inForce.answer(question, at: instant).map { Int($0.value) } : nil,
          isCapped: inForce.shortfall(leadTime: leadTime, at: instant) != nil,
          isBridged: isServed && inForce.bridgedUntil != nil))
      sync += 1
    }
  }

  /// Begins with the next minute; what waits is dropped.
  private mutating func begin(at sync: Int) {
    let perMinute = SimulatedAutoscaler.syncsPerMinute
    nextSync = (sync + perMinute - 1) / perMinute * perMinute
    waiting = []
    clusters = nil
    forecasts.removeAll()
  }

  /// Scores the minutes whose load is settled, or will not come any more.
  private mutating func score(_ loads: [MeasuredLoad], _ real: RealPods, at now: Date) {
    let perMinute = SimulatedAutoscaler.syncsPerMinute
    guard var sync = nextSync, !loads.isEmpty else { return }
    var scored = 0
    while waiting.count - scored >= perMinute {
      let end = Self.instant(of: sync + perMinute)
      let isSettled = loads.allSatisfy { $0.settledEnd >= end.ceiled(to: step) - .milliseconds(1) }
      let hasWaited = now.timeIntervalSince(end) >= patience.inSeconds
      guard isSettled || hasWaited else { break }
      play(
        waiting[scored..<scored + perMinute], from: sync, load: pods(loads, minuteEndingAt: end),
        before: pods(loads, minuteEndingAt: Self.instant(of: sync)), real)
      scored += perMinute
      sync += perMinute
    }
    waiting.removeFirst(scored)
    nextSync = sync
  }

  /// Plays the syncs of a minute.
  ///
  /// - Parameters:
  ///   - load: the minute's load, in pods; NaN when it is missing.
  ///   - before: the load of the minute before.
  ///   - real: the ready pods as far as they are known.
  private mutating func play(
    _ planned: ArraySlice<PlannedSync>, from first: Int, load: Double, before: Double, _ real: RealPods
  ) {
    let bounds = (inForce?.minReplicas ?? 1)...max(inForce?.minReplicas ?? 1, inForce?.maxReplicas ?? 1_000_000)
    if clusters == nil, load.isFinite { clusters = begun(with: load, bounds) }
    let startupSyncs = SimulatedAutoscaler.syncs(in: startup)
    clusters?.autoscaler.cluster.startupSyncs = startupSyncs
    clusters?.plan.cluster.startupSyncs = startupSyncs
    var counts = ScorecardDay(day: 0)
    for (offset, plan) in planned.enumerated() {
      let sync = first + offset
      counts.capped += plan.isCapped ? 1 : 0
      counts.bridged += plan.isBridged ? 1 : 0
      guard var clusters else { continue }
      let share = Double(offset) / Double(SimulatedAutoscaler.syncsPerMinute)
      let observed = share == 0 ? before : before * (1 - share) + load * share
      clusters.autoscaler.react(to: observed, utilization: settings.utilization, sync: sync)
      if let replicas = plan.replicas { clusters.plan.follow(replicas, sync: sync) }
      if load.isFinite {
        counts.measured += 1
        counts.autoscalerPods += clusters.autoscaler.cluster.orderedPods
        counts.planPods += clusters.plan.cluster.orderedPods
        counts.autoscalerViolations += clusters.autoscaler.isShort(of: load) ? 1 : 0
        counts.planViolations += clusters.plan.isShort(of: load) ? 1 : 0
        if let ready = real.count(at: Self.instant(of: sync)) { counts.addReal(ready, load: load) }
      }
      clusters.autoscaler.cluster.advance()
      clusters.plan.cluster.advance()
      self.clusters = clusters
    }
    withDay(of: Self.instant(of: first)) { $0 += counts }
  }

  private func begun(with load: Double, _ bounds: ClosedRange<Int>) -> (autoscaler: Cluster, plan: Cluster) {
    let need = min(
      max(SimulatedAutoscaler.Proposal(pods: load, current: 0).replicas, bounds.lowerBound), bounds.upperBound)
    let cluster = SimulatedCluster(readyPods: need, startupSyncs: SimulatedAutoscaler.syncs(in: startup))
    func autoscaler(least: Int) -> SimulatedAutoscaler {
      SimulatedAutoscaler(minReplicas: least, maxReplicas: max(least, bounds.upperBound))
    }
    // An HPA itself cannot scale to zero.
    return (
      Cluster(cluster: cluster, autoscaler: autoscaler(least: max(1, bounds.lowerBound))),
      Cluster(cluster: cluster, autoscaler: autoscaler(least: bounds.lowerBound))
    )
  }

  /// The load of a minute in pods, of several metrics the largest; NaN when a sample is missing.
  private func pods(_ loads: [MeasuredLoad], minuteEndingAt end: Date) -> Double {
    var most = 0.0
    for load in loads {
      let value = load.history.meanOfMinute(endingAt: end)
      guard value.isFinite else { return .nan }
      most = max(most, value / load.targetPerPod)
    }
    return most
  }

  /// Adds the counts of a day.
  mutating func add(_ counts: ScorecardDay) {
    withDay(of: Date(timeIntervalSince1970: Double(counts.day) * 86_400)) { $0 += counts }
  }

  private mutating func withDay(of instant: Date, _ change: (inout ScorecardDay) -> Void) {
    let day = instant.utcDay
    let place = days.lastIndex { $0.day <= day }
    if let place, days[place].day == day { return change(&days[place]) }
    let newest = max(day, days.last?.day ?? day)
    guard day > newest - Self.keptDays else { return }
    var new = ScorecardDay(day: day)
    change(&new)
    days.insert(new, at: place.map { $0 + 1 } ?? 0)
    days.removeAll { $0.day <= newest - Self.keptDays }
  }

  /// The number of the first sync at or after an instant.
  private static func sync(at instant: Date) -> Int {
    Int((instant.timeIntervalSince1970 / SimulatedAutoscaler.syncPeriod.inSeconds - 1e-6).rounded(.up))
  }

  private static func instant(of sync: Int) -> Date {
    Date(timeIntervalSince1970: Double(sync) * SimulatedAutoscaler.syncPeriod.inSeconds)
  }
}

extension Scorecard.Cluster {
  /// Orders what an HPA orders for an observed load.
  mutating func react(to load: Double, utilization: Double, sync: Int) {
    cluster.order(
      autoscaler.replicas(
        forLoad: load, utilization: utilization, ready: cluster.readyPods, ordered: cluster.orderedPods, sync: sync))
  }

  /// Orders what an HPA orders for a plan's answer.
  mutating func follow(_ replicas: Int, sync: Int) {
    let current = cluster.orderedPods
    cluster.order(
      autoscaler.replicas(for: [.init(pods: Double(replicas), current: current)], current: current, sync: sync))
  }

  func isShort(of load: Double) -> Bool {
    SyncScore(load: load, readyPods: cluster.readyPods, podCapacity: 1).isViolation
  }
}

extension TimeSeries {
  /// The load of the minute that ends at `end`: the mean of shorter steps, or the value of the longer step that it lies in; NaN
  /// when it is missing.
  func meanOfMinute(endingAt end: Date) -> Double {
    guard step < .seconds(60) else { return value(at: end.ceiled(to: step)) ?? .nan }
    let last = Int((end.timeIntervalSince(start) / step.inSeconds + 1e-6).rounded(.down))
    let first = Int(((end.timeIntervalSince(start) - 60) / step.inSeconds + 1e-6).rounded(.down)) + 1
    guard first >= 0, last < count, first <= last else { return .nan }
    let present = values[first...last].filter(\.isFinite)
    return present.isEmpty ? .nan : present.reduce(0, +) / Double(present.count)
  }
}
