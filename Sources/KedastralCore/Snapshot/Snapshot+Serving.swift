#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Why a plan is not served as fresh, so that KEDA's fallback applies.
package enum Staleness: Sendable, Equatable, CustomStringConvertible {
  /// It is too old: its forecaster has stopped.
  case old(age: Duration, limit: Duration)
  /// It is dated ahead of the reader's clock: one of the two clocks is wrong.
  case aheadOfClock(by: Duration, limit: Duration)
  /// Its forecaster works, and the bridge time without samples is over.
  case noSamples(since: Date?, bridgedUntil: Date, problem: String?)

  package var description: String {
    switch self {
    case .old(let age, let limit):
      return "it is \(DurationText.format(age)) old, stale after \(DurationText.format(limit))"
    case .aheadOfClock(let distance, let limit):
      return
        "its date is \(DurationText.format(distance)) ahead of this clock, stale after \(DurationText.format(limit))"
    case .noSamples(let since, let until, let problem):
      let age = since.map { "no sample since \(Timestamp.format($0))" } ?? "no sample"
      let cause = problem.map { " (\($0))" } ?? ""
      return "\(age)\(cause); it was bridged by the forecast until \(Timestamp.format(until))"
    }
  }
}

extension Snapshot {
  /// Why the plan is not served as fresh at `now`; nil when it is.
  ///
  /// - Parameter limit: the age from which a plan counts as stale.
  package func staleness(at now: Date, limit: Duration) -> Staleness? {
    let ageSeconds = now.timeIntervalSince(generatedAt)
    if ageSeconds.magnitude > limit.inSeconds {
      let distance = Duration.seconds(ageSeconds.magnitude)
      return ageSeconds < 0 ? .aheadOfClock(by: distance, limit: limit) : .old(age: distance, limit: limit)
    }
    if let bridgedUntil, now > bridgedUntil {
      return .noSamples(since: newestSampleAt, bridgedUntil: bridgedUntil, problem: problem)
    }
    return nil
  }

  /// The lead time for a trigger that sets none.
  ///
  /// - Parameter host: the lead time of the process, for plans without one of their own.
  package func leadTime(orElse host: Duration) -> Duration { leadTime?.duration ?? host }

  /// The length of the plan from its generation.
  package var reach: Duration { step * desiredReplicas.count }

  /// The age of the newest sample that the plan is based on; nil when the snapshot does not contain it.
  package func sampleAge(at now: Date) -> Duration? {
    newestSampleAt.map { .seconds(max(0, now.timeIntervalSince($0))) }
  }

  /// The maximum of the required replicas until the lead time, before any limit; nil when the snapshot does not contain them.
  package func requirement(leadTime: Duration, at now: Date) -> Int? {
    guard requiredReplicas.count == desiredReplicas.count else { return nil }
    return requiredReplicas[stepRange(ahead: leadTime, from: now).steps].max()
  }

  /// The planned and the required replicas until the lead time, if limits keep the plan below the required ones.
  ///
  /// Both are the most of these steps, as KEDA's request is: a limit of growth that holds back the next minute takes nothing
  /// from KEDA, which already receives the minutes after it.
  package func shortfall(leadTime: Duration, at now: Date) -> Shortfall? {
    shortfall(in: stepRange(ahead: leadTime, from: now).steps, planned: 0)
  }

  /// The same for the rest of the plan: the required replicas above the limits, and their start.
  package func shortfallAhead(leadTime: Duration, at now: Date) -> Shortfall? {
    let requested = stepRange(ahead: leadTime, from: now).steps
    let planned = desiredReplicas[requested].max() ?? 0
    return shortfall(in: requested.lowerBound...desiredReplicas.count - 1, planned: planned)
  }

  /// - Parameter planned: replicas that exist in any case.
  private func shortfall(in steps: ClosedRange<Int>, planned: Int) -> Shortfall? {
    guard requiredReplicas.count == desiredReplicas.count else { return nil }
    let planned = max(planned, desiredReplicas[steps].max() ?? 0)
    guard let required = requiredReplicas[steps].max(), required > planned,
      let first = steps.first(where: { requiredReplicas[$0] > planned })
    else { return nil }
    return Shortfall(planned: planned, required: required, begins: generatedAt + step * first)
  }

  /// The part of a plan that limits keep below the required replicas.
  package struct Shortfall: Sendable, Equatable, CustomStringConvertible {
    /// The replicas planned.
    package let planned: Int
    /// The replicas that the load requires.
    package let required: Int
    /// The start of the first step that requires more than is planned.
    package let begins: Date

    package var description: String { "capped at \(planned): the load needs \(required)" }
  }

  /// The text that replaces the current load when it was not measured: `no sample since 14:05 UTC`.
  package func absence(at now: Date) -> String {
    newestSampleAt.map { "no sample since \(Timestamp.clock($0, at: now))" } ?? "no sample"
  }
}
