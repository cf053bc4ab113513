import KedastralCore

/// The covariates of a forecast: a regression and the values up to now.
struct CovariateView {
  let fit: CovariateChoice.Fit
  private let season: Int?
  private let lowest: Double
  private let tracks: [(track: CovariateTrack, now: Int)]

  /// The view of the values on the grid of a history; nil when one of the covariates has none now.
  init?(_ choice: CovariateChoice?, _ readings: [CovariateReading], season: Int?, lowest: Double) {
    guard let fit = choice?.fit else { return nil }
    var tracks: [(CovariateTrack, Int)] = []
    for term in fit.terms {
      guard let reading = readings.first(where: { $0.name == term.name }), reading.problem == nil, reading.count > 0
      else { return nil }
      let now = reading.count - 1
      let first = max(0, now - term.reach(season: season))
      tracks.append((term.track(reading.values[first...]), now - first))
    }
    self.fit = fit
    self.season = season
    self.lowest = lowest
    self.tracks = tracks
  }

  /// The forecast of a step with the covariates.
  ///
  /// - Parameters:
  ///   - forecast: the forecast without them.
  ///   - levels: the recent levels of the load.
  func value(_ forecast: Double, levels: [Double], horizon: Int, knot: Int, share: Double) -> Double {
    var row = CovariateRows.own(forecast, levels: levels)
    for (term, known) in zip(fit.terms, tracks) {
      term.append(
        to: &row, known.track, now: known.now, horizon: horizon, season: season, load: forecast - lowest)
    }
    return fit.regression.value(row, knot: knot, share: share)
  }
}

extension CovariateChoice {
  /// What became of each covariate in a forecast.
  ///
  /// - Parameter isUsed: whether the forecast was made with covariates.
  func uses(_ readings: [CovariateReading], step: Duration, isUsed: Bool) -> [CovariateUse] {
    let missing = readings.first { reading in
      reading.problem != nil && verdicts.contains { $0.name == reading.name && $0.isUsed }
    }
    return verdicts.map { verdict in
      var use = CovariateUse(
        name: verdict.name, isUsed: verdict.isUsed && isUsed,
        lagSeconds: verdict.lag.map { (step * $0).inSeconds }, errorReduction: verdict.reduction)
      if let problem = readings.first(where: { $0.name == verdict.name })?.problem {
        use.problem = problem
      } else if verdict.isUsed {
        if !isUsed { use.problem = missing.map { "because \($0.name) is missing" } ?? "the last season is repeated" }
      } else {
        use.problem = verdict.problem ?? verdict.reduction.map(Self.words) ?? "its history is too short"
      }
      return use
    }
  }

  private static func words(_ reduction: Double) -> String {
    let percent = Int((reduction * 100).rounded())
    if percent > 0 { return "it helps too little or not throughout the history (error \(percent) % smaller)" }
    return percent < 0 ? "the error is \(-percent) % larger with it" : "it does not make the error smaller"
  }

  /// Whether a covariate that was missing when the fit was made has values now.
  func lacked(_ readings: [CovariateReading]) -> Bool {
    verdicts.contains { verdict in
      verdict.isMissing && readings.contains { $0.name == verdict.name && $0.problem == nil }
    }
  }
}

extension LoadRegression {
  /// The covariates of a forecast that is made now; nil when none is used or one that is used has no values.
  func view(of readings: [CovariateReading]) -> CovariateView? {
    CovariateView(covariates, readings, season: features.layout.season, lowest: features.lowest)
  }
}

extension Forecast {
  /// Adds what became of the covariates.
  mutating func noteCovariates(of regression: LoadRegression, _ readings: [CovariateReading], isUsed: Bool) {
    guard let choice = regression.covariates else { return }
    covariates = choice.uses(readings, step: step, isUsed: isUsed)
    guard !covariates.isEmpty else { return }
    let note = "covariates: \(covariates.map(\.text).joined(separator: "; "))"
    reason = [reason, note].compactMap(\.self).joined(separator: "; ")
  }
}
