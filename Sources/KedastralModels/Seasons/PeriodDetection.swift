import KedastralCore

/// A season that a load history repeats with.
package struct Period: Sendable, Equatable {
  /// Its length in steps.
  package let steps: Int
  /// How like each other its cycles are, 0…1: the correlation of a cycle with the one before, trend and shorter seasons
  /// removed.
  package let confidence: Double

  /// Creates a period.
  package init(steps: Int, confidence: Double) {
    self.steps = steps
    self.confidence = confidence
  }
}

/// The seasons of a history: spikes every half hour, days, weeks, or none.
///
///     PeriodDetection(of: minutesOfTwoDays).periods     // [Period(steps: 60, …), Period(steps: 1440, …)]
///
/// Calendar lengths (5 minutes to a week) and the peaks of the autocorrelation (of the load and of its changes, by FFT) are
/// candidates. From the shortest to the longest, a candidate is a period when the load minus its moving average over the
/// candidate repeats itself; its profile is then removed, so that two hours are not found where one hour is enough. Missing
/// samples are left out, and the few highest samples are cut down, so that one outlier neither hides nor makes a season.
package struct PeriodDetection: Sendable, Equatable {
  /// The periods found, in ascending order of length.
  package let periods: [Period]

  /// Creates a detection result.
  package init(periods: [Period]) {
    self.periods = periods.sorted { $0.steps < $1.steps }
  }

  /// The longest period, the one whose cycles contain those of the others in most histories; nil when there is none.
  package var longest: Period? { periods.last }

  /// Detects the periods of `history`; at least two whole cycles of calendar lengths and three of others must be in it.
  package init(of history: TimeSeries) {
    var residual = Self.tamed(history.values)
    let count = residual.count
    var found: [Candidate] = []
    var periods: [Period] = []
    let candidates = Self.candidates(residual, stepSeconds: history.step.inSeconds)
    for candidate in candidates {
      // A free length must be a peak of its own, not the shoulder of a neighbour.
      let isShoulder = found.contains {
        candidate.isRival(of: $0, in: count)
          || !candidate.isCalendar && Self.isNear(candidate.steps, multipleOf: $0.steps)
      }
      guard !isShoulder, let cycle = Cycle(of: residual, steps: candidate.steps) else { continue }
      let isBeaten = candidates.contains { rival in
        guard rival.isRival(of: candidate, in: count), let other = Cycle(of: residual, steps: rival.steps) else {
          return false
        }
        return other.correlation * rival.weight(against: candidate, in: count)
          > cycle.correlation * candidate.weight(against: rival, in: count)
      }
      guard !isBeaten else { continue }
      found.append(candidate)
      periods.append(Period(steps: candidate.steps, confidence: min(1, cycle.correlation)))
      Self.removeProfile(of: cycle.detrended, period: candidate.steps, from: &residual)
    }
    self.init(periods: periods)
  }

  /// Whether a spectrum of `count` samples tells two periods apart: their frequencies differ by at least one cycle in all of it.
  static func canSeparate(_ one: Int, _ other: Int, in count: Int) -> Bool {
    Double(abs(one - other)) * Double(count) >= Double(one) * Double(other)
  }

  private struct Candidate {
    var steps: Int
    var isCalendar: Bool

    /// Whether only one of both can be a period, and the other is its shoulder: they are within a quarter of each other or
    /// cannot be told apart, and not both are on the calendar.
    func isRival(of other: Candidate, in count: Int) -> Bool {
      let isNear = abs(steps - other.steps) * 4 < max(steps, other.steps)
      return steps != other.steps && !(isCalendar && other.isCalendar)
        && (isNear || !PeriodDetection.canSeparate(steps, other.steps, in: count))
    }

    /// Loads follow calendars: of lengths that cannot be told apart a free one must be clearly better.
    func weight(against other: Candidate, in count: Int) -> Double {
      isCalendar || PeriodDetection.canSeparate(steps, other.steps, in: count) ? 1 : 0.9
    }
  }

  /// How a load minus its moving average repeats itself after some steps.
  private struct Cycle {
    private static let leastCorrelation = 0.25

    let detrended: [Double]
    let correlation: Double

    /// Nil when it hardly repeats itself, or too little is there to say.
    init?(of values: [Double], steps: Int) {
      detrended = PeriodDetection.removingMovingAverage(values, window: steps)
      let pairs: Int
      (correlation, pairs) = PeriodDetection.lagCorrelation(detrended, lag: steps)
      guard pairs >= max(4, steps / 2) else { return nil }
      let doubt = 2 / Double(pairs).squareRoot()
      guard correlation > Self.leastCorrelation, correlation - doubt > Self.leastCorrelation / 2 else { return nil }
    }
  }

  /// Calendar lengths and autocorrelation peaks, shortest first.
  private static func candidates(_ values: [Double], stepSeconds: Double) -> [Candidate] {
    let count = values.count
    guard count > 0 else { return [] }
    let calendarMinutes: [Double] = [5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 10_080]
    var candidates: [Candidate] = calendarMinutes.compactMap { minutes in
      let steps = minutes * 60 / stepSeconds
      guard steps >= 4, steps.rounded() == steps, steps * 2 <= Double(count) else { return nil }
      return Candidate(steps: Int(steps), isCalendar: true)
    }
    let changes = zip(values.dropFirst(), values).map { $0 - $1 }.map { $0.isFinite ? $0 : 0 }
    let slow = removingMovingAverage(values, window: max(4, count / 3)).map { $0.isFinite ? $0 : 0 }
    for signal in [changes, slow] {
      let correlation = FourierTransform.autocorrelation(of: signal, maximumLag: count / 3 + 1)
      for lag in peaks(of: correlation, sampleCount: count)
      where !candidates.contains(where: { abs($0.steps - lag) * 50 <= lag }) {
        candidates.append(Candidate(steps: lag, isCalendar: false))
      }
    }
    return candidates.sorted { $0.steps < $1.steps }
  }

  /// The lag of the highest local maximum, and the shortest one that is nearly as high and of which it is a multiple.
  private static func peaks(of correlation: [Double], sampleCount: Int) -> [Int] {
    let noise = 4 / Double(sampleCount).squareRoot()
    let least = max(0.1, noise)
    // Fewer pairs are behind a longer lag; without this a broad peak leans to the short side.
    let heights = correlation.enumerated().map { lag, height in
      height * Double(sampleCount) / Double(max(1, sampleCount - lag))
    }
    let maxima = (4..<max(4, heights.count - 1)).filter { lag in
      let height = heights[lag]
      guard height > least, height > heights[lag / 2] + noise else { return false }
      return height >= heights[lag - 1] && height >= heights[lag + 1]
    }
    guard let highest = maxima.max(by: { heights[$0] < heights[$1] }) else { return [] }
    let tall = maxima.filter { heights[$0] > 0.8 * heights[highest] }
    // Noise on one broad peak does not count as separate peaks.
    guard let first = tall.first, first * 3 <= highest * 2 else { return [highest] }
    let shortest = tall.prefix { $0 * 3 <= first * 4 }.max { heights[$0] < heights[$1] } ?? first
    return [shortest, highest]
  }

  private static func isNear(_ steps: Int, multipleOf period: Int) -> Bool {
    let rest = steps % period
    return min(rest, period - rest) * 50 <= steps
  }

  /// The history scaled to at most about 1, its highest and lowest thousandth cut to the next sample's height, and its straight
  /// trend removed; empty when it is constant or too short.
  private static func tamed(_ values: [Double]) -> [Double] {
    let sorted = values.filter(\.isFinite).sorted()
    guard values.count >= 8, let lowest = sorted.first, let highest = sorted.last, lowest < highest else { return [] }
    let cut = min(max(1, sorted.count / 1000), (sorted.count - 1) / 2)
    let (low, high) = (sorted[cut], sorted[sorted.count - 1 - cut])
    let scale = max(abs(low), abs(high), .leastNormalMagnitude)
    var tamed = values.map { $0.isFinite ? min(max($0, low), high) / scale : .nan }
    let centre = Double(values.count - 1) / 2
    var (level, slope, squares) = (0.0, 0.0, 0.0)
    for (index, value) in tamed.enumerated() where value.isFinite {
      level += value / Double(sorted.count)
      slope += value * (Double(index) - centre)
      squares += (Double(index) - centre) * (Double(index) - centre)
    }
    for (index, value) in tamed.enumerated() where value.isFinite {
      slope -= level * (Double(index) - centre)
      tamed[index] = value - level
    }
    for index in tamed.indices { tamed[index] -= slope / max(1, squares) * (Double(index) - centre) }
    return tamed
  }

  /// The values minus their centred moving average over `window` samples; NaN stays NaN. The ends, where the average would be
  /// lopsided, become NaN where enough is left without them, and are measured by the samples there are otherwise.
  static func removingMovingAverage(_ values: [Double], window: Int) -> [Double] {
    var sums = [0.0]
    var counts = [0]
    sums.reserveCapacity(values.count + 1)
    counts.reserveCapacity(values.count + 1)
    for (index, value) in values.enumerated() {
      sums.append(sums[index] + (value.isFinite ? value : 0))
      counts.append(counts[index] + (value.isFinite ? 1 : 0))
    }
    let canSpareEnds = values.count >= 4 * window
    return values.indices.map { index in
      if canSpareEnds, index < window / 2 || index - window / 2 + window > values.count { return .nan }
      let low = max(0, index - window / 2)
      let high = min(values.count, index - window / 2 + window)
      return values[index] - (sums[high] - sums[low]) / Double(max(1, counts[high] - counts[low]))
    }
  }

  /// The correlation of the values with themselves `lag` samples earlier, over the pairs that are present.
  private static func lagCorrelation(_ values: [Double], lag: Int) -> (correlation: Double, pairs: Int) {
    var (earlySum, lateSum, products, early, late, pairs) = (0.0, 0.0, 0.0, 0.0, 0.0, 0)
    for index in lag..<max(lag, values.count) {
      let (before, now) = (values[index - lag], values[index])
      guard before.isFinite, now.isFinite else { continue }
      earlySum += before
      lateSum += now
      products += before * now
      early += before * before
      late += now * now
      pairs += 1
    }
    let weight = 1 / Double(max(1, pairs))
    let (earlyVariance, lateVariance) = (early - earlySum * earlySum * weight, late - lateSum * lateSum * weight)
    guard min(earlyVariance, lateVariance) * weight > 1e-18 else { return (0, pairs) }
    return ((products - earlySum * lateSum * weight) / (earlyVariance * lateVariance).squareRoot(), pairs)
  }

  /// Subtracts the mean cycle of `detrended` from `residual`.
  private static func removeProfile(of detrended: [Double], period: Int, from residual: inout [Double]) {
    var sums = Array(repeating: 0.0, count: period)
    var counts = Array(repeating: 0.0, count: period)
    for (index, value) in detrended.enumerated() where value.isFinite {
      sums[index % period] += value
      counts[index % period] += 1
    }
    for index in residual.indices { residual[index] -= sums[index % period] / max(1, counts[index % period]) }
  }
}
