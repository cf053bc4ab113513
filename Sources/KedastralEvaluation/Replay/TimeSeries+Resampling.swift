import KedastralCore

extension TimeSeries {
  /// The same load on a grid of another step that begins at the same instant.
  ///
  /// A shorter step is filled by linear interpolation between two samples (missing when either is), a longer one by the mean
  /// of the samples that end within it (missing ones left out).
  public func resampled(to step: Duration) -> TimeSeries {
    let ratio = step.inSeconds / self.step.inSeconds
    guard abs(ratio - 1) > 1e-9, count > 0 else { return self }
    let resampledCount = Int((Double(count - 1) / ratio + 1e-9).rounded(.down)) + 1
    return TimeSeries(
      start: start, step: step,
      values: (0..<resampledCount).map { index in
        let position = Double(index) * ratio
        return ratio < 1 ? interpolated(at: position) : mean(of: ratio, endingAt: position)
      })
  }

  /// The same load on a grid of a shorter step that begins at the same instant: each sample's value over its whole step,
  /// which ends at the sample's instant.
  func held(to step: Duration) -> TimeSeries {
    let ratio = step.inSeconds / self.step.inSeconds
    guard ratio < 1, count > 0 else { return self }
    let heldCount = Int((Double(count - 1) / ratio + 1e-9).rounded(.down)) + 1
    return TimeSeries(
      start: start, step: step,
      values: (0..<heldCount).map { values[min(count - 1, Int((Double($0) * ratio - 1e-6).rounded(.up)))] })
  }

  private func interpolated(at position: Double) -> Double {
    let nearest = position.rounded()
    if abs(position - nearest) < 1e-6 { return values[min(Int(nearest), count - 1)] }
    let before = Int(position)
    guard before + 1 < count else { return .nan }
    let share = position - Double(before)
    return values[before] * (1 - share) + values[before + 1] * share
  }

  private func mean(of length: Double, endingAt position: Double) -> Double {
    let last = min(count - 1, Int((position + 1e-6).rounded(.down)))
    let first = max(0, Int((position - length + 1e-6).rounded(.down)) + 1)
    let present = values[first...max(first, last)].filter(\.isFinite)
    return present.isEmpty ? .nan : present.reduce(0, +) / Double(present.count)
  }
}
