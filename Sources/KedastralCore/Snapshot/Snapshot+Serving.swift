#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Why a plan is not served as fresh, so that KEDA's fallback takes over.
public enum Staleness: Sendable, Equatable, CustomStringConvertible {
  /// It was made too long ago: its forecaster is silent.
  case old(age: Duration, limit: Duration)
  /// It is dated ahead of the reader's clock: one of the two clocks is wrong.
  case aheadOfClock(by: Duration, limit: Duration)
  /// Its forecaster works, and the bridge time without samples is over.
  case noSamples(since: Date?, bridgedUntil: Date, problem: String?)

  public var description: String {
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
  public func staleness(at now: Date, limit: Duration) -> Staleness? {
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

  /// How far the plan reaches from when it was made.
  package var reach: Duration { step * desiredReplicas.count }

  /// How long ago the newest sample behind the plan was measured; nil when the writer did not say.
  public func sampleAge(at now: Date) -> Duration? {
    newestSampleAt.map { .seconds(max(0, now.timeIntervalSince($0))) }
  }

  /// The most replicas that the load requires until the lead time, before any limit; nil when the writer did not say.
  public func requirement(leadTime: Duration, at now: Date) -> Int? {
    guard requiredReplicas.count == desiredReplicas.count else { return nil }
    return requiredReplicas[stepRange(ahead: leadTime, from: now).steps].max()
  }

  /// The replicas that the plan has until the lead time and those that the load requires until then, where limits keep the
  /// plan below.
  ///
  /// Both are the most of these steps, as KEDA's request is: a limit of growth that holds back the next minute takes nothing
  /// from KEDA, which already receives the minutes after it.
  public func shortfall(leadTime: Duration, at now: Date) -> Shortfall? {
    shortfall(in: stepRange(ahead: leadTime, from: now).steps, planned: 0)
  }

  /// The same for the rest of the plan: how far the load outgrows what limits allow, and from when on.
  public func shortfallAhead(leadTime: Duration, at now: Date) -> Shortfall? {
    let requested = stepRange(ahead: leadTime, from: now).steps
    let planned = desiredReplicas[requested].max() ?? 0
    return shortfall(in: requested.lowerBound...desiredReplicas.count - 1, planned: planned)
  }

  /// - Parameter planned: replicas that are there in any case.
  private func shortfall(in steps: ClosedRange<Int>, planned: Int) -> Shortfall? {
    guard requiredReplicas.count == desiredReplicas.count else { return nil }
    let planned = max(planned, desiredReplicas[steps].max() ?? 0)
    guard let required = requiredReplicas[steps].max(), required > planned,
      let first = steps.first(where: { requiredReplicas[$0] > planned })
    else { return nil }
    return Shortfall(planned: planned, required: required, begins: generatedAt + step * first)
  }

  /// A plan that limits keep below what the load requires.
  public struct Shortfall: Sendable, Equatable, CustomStringConvertible {
    /// The replicas planned.
    public let planned: Int
    /// The replicas that the load requires.
    public let required: Int
    /// When the first step begins that requires more than is planned.
    public let begins: Date

    public var description: String { "capped at \(planned): the load needs \(required)" }
  }

  /// What stands in place of the current load when it was not measured: `no sample since 14:05 UTC`.
  public func absence(at now: Date) -> String {
    newestSampleAt.map { "no sample since \(Timestamp.clock($0, at: now))" } ?? "no sample"
  }
}
