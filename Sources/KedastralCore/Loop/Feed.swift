#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ForecastLoop {
  /// One metric's samples and model session; a class, so that a running forecast does not block readers of the history.
  final class Feed {
    let metric: LoadMetric
    var session: any ModelSession
    var samples: SampleHistory

    init(_ metric: LoadMetric, of workload: Workload) {
      self.metric = metric
      session = metric.model.makeSession()
      samples = SampleHistory(
        step: workload.step, windowSteps: workload.windowSteps, settleTime: workload.settleTime(of: metric.source))
    }

    /// A feed for the first plans of another one's metric: from its samples, or from the last hours where it lacks them.
    init?(firstOf feed: Feed, of workload: Workload, upTo end: Date) {
      guard let model = feed.metric.model as? any LearningModel else { return nil }
      metric = feed.metric
      session = FirstSession(model: model)
      samples =
        feed.samples.isEmpty || feed.isBehind(workload, at: end)
        ? SampleHistory(
          step: workload.step, windowSteps: workload.firstSteps,
          settleTime: workload.settleTime(of: feed.metric.source))
        : feed.samples
    }

    /// Whether the history is to be read, or fitted for the first time.
    var isUnfitted: Bool {
      samples.isEmpty || (session as? any FittedSession).map { $0.fittedAt == nil } ?? false
    }

    /// Whether a round would have to read more than first plans need, as after a long stop.
    func isBehind(_ workload: Workload, at end: Date) -> Bool {
      // What a source without a past lacks cannot be read any more.
      guard (metric.source as? any IdentifiedSource)?.hasPast ?? true else { return false }
      let range = samples.range(upTo: end)
      let longest = workload.step * (2 * workload.firstSteps)
      return range.upperBound.timeIntervalSince(range.lowerBound) > longest.inSeconds
    }

    /// Sets whether the session keeps its fit until another one is restored.
    func setFittedApart(_ isFittedApart: Bool) {
      guard var fitted = session as? any FittedSession, fitted.isFittedApart != isFittedApart else { return }
      fitted.isFittedApart = isFittedApart
      session = fitted
    }
  }
}

extension Workload {
  /// How many samples first plans are based on: three hours, but not too few for a level or too many for a small query.
  var firstSteps: Int { min(240, max(60, Int(3 * 3600 / step.inSeconds))) }
}
