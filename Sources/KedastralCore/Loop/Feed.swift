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

    /// A feed for the first plans of another one's metric: from its samples, or from the last hours where it has none.
    init?(firstOf feed: Feed, of workload: Workload) {
      guard let model = feed.metric.model as? any LearningModel else { return nil }
      metric = feed.metric
      session = FirstSession(model: model)
      samples =
        feed.samples.series.isEmpty
        ? SampleHistory(
          step: workload.step, windowSteps: workload.firstSteps,
          settleTime: workload.settleTime(of: feed.metric.source))
        : feed.samples
    }

    /// Whether the history is to be read, or fitted for the first time.
    var isUnfitted: Bool {
      samples.series.isEmpty || (session as? any FittedSession).map { $0.fittedAt == nil } ?? false
    }
  }
}

extension Workload {
  /// How many samples first plans are based on: three hours, but not too few for a level or too many for a small query.
  var firstSteps: Int { min(240, max(60, Int(3 * 3600 / step.inSeconds))) }
}
