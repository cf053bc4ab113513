/// A series without missing samples, and how many were filled in.
public struct GapRepair: Sendable, Equatable {
  /// The series with every gap filled; all zero when no sample was present.
  public let series: TimeSeries
  /// How many samples were filled in.
  public let repairedCount: Int
  /// The length of the longest gap, in samples.
  public let longestGap: Int

  /// The share of the series that was filled in, 0…1.
  public var repairedShare: Double {
    series.isEmpty ? 0 : Double(repairedCount) / Double(series.count)
  }
}

extension TimeSeries {
  /// Fills gaps: linearly between the neighbours, or by the sample one `season` away (before, else after) for gaps longer
  /// than `longestLinearGap`; at the ends the nearest sample is repeated. Infinities count as missing.
  ///
  /// - Parameters:
  ///   - season: the seasonal period in samples, when one is known.
  ///   - longestLinearGap: up to how many samples a gap is bridged by a straight line.
  public func repairingGaps(season: Int? = nil, longestLinearGap: Int = 5) -> GapRepair {
    var filled = values
    var repaired = 0
    var longest = 0
    var index = 0
    while index < filled.count {
      guard !filled[index].isFinite else {
        index += 1
        continue
      }
      var end = index
      while end < values.count, !values[end].isFinite { end += 1 }
      let gap = index..<end
      repaired += gap.count
      longest = max(longest, gap.count)
      let before = gap.lowerBound > 0 ? filled[gap.lowerBound - 1] : nil
      let after = end < values.count ? values[end] : nil
      for position in gap {
        filled[position] =
          seasonalStandIn(at: position, in: filled, season: gap.count > longestLinearGap ? season : nil)
          ?? Self.line(from: before, to: after, at: Double(position - gap.lowerBound + 1) / Double(gap.count + 1))
      }
      index = end
    }
    return GapRepair(
      series: TimeSeries(start: start, step: step, values: filled), repairedCount: repaired, longestGap: longest)
  }

  private func seasonalStandIn(at position: Int, in filled: [Double], season: Int?) -> Double? {
    guard let season, season > 0 else { return nil }
    if position - season >= 0 { return filled[position - season] }
    let later = position + season
    return later < values.count && values[later].isFinite ? values[later] : nil
  }

  private static func line(from before: Double?, to after: Double?, at share: Double) -> Double {
    switch (before, after) {
    case (let before?, let after?): before * (1 - share) + after * share
    case (let before?, nil): before
    case (nil, let after?): after
    case (nil, nil): 0
    }
  }
}
