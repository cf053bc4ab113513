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
        "it is dated \(DurationText.format(distance)) ahead of this clock, stale after \(DurationText.format(limit))"
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

  /// The step until the lead time at which the limits hold back most, where they do: what it requires and what is planned.
  public func shortfall(leadTime: Duration, at now: Date) -> Shortfall? {
    guard requiredReplicas.count == desiredReplicas.count else { return nil }
    let steps = stepRange(ahead: leadTime, from: now).steps
    let worst = steps.max { requiredReplicas[$0] - desiredReplicas[$0] < requiredReplicas[$1] - desiredReplicas[$1] }
    guard let worst, requiredReplicas[worst] > desiredReplicas[worst] else { return nil }
    return Shortfall(planned: desiredReplicas[worst], required: requiredReplicas[worst])
  }

  /// A plan that limits keep below what the load requires.
  public struct Shortfall: Sendable, Equatable {
    /// The replicas planned.
    public let planned: Int
    /// The replicas that the load requires.
    public let required: Int
  }
}
