import KedastralCore
import KedastralModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A lasting change of the relation between load and saturation, such as a deploy that makes a request cheaper.
///
/// The deviations from the common line are summarised by their median for each six hours. The change is at the boundary that
/// explains most of their variance; it counts when the medians before and after it differ by at least 15 % and by three times the
/// usual deviation of six hours.
struct CapacityChange: Equatable {
  static let leastChange = 0.15
  private static let leastDeviations = 3.0
  /// The fewest blocks of six hours on either side: a shorter change may be an incident.
  private static let leastBlocks = 4
  /// The share of the 99th percentile of the load below which a sample says little.
  private static let leastLoad = 0.25

  /// The first instant after the change.
  let instant: Date

  /// Looks for a change; nil when there is none.
  init?(
    _ samples: [CapacityCalibration.Sample], line: RobustLine, measure: CapacityCalibration.Measure
  ) {
    let least = Self.leastLoad * CapacityCalibration.percentile99(samples.map(\.loadPerPod))
    let start = samples[0].instant
    var deviations: [Int: [Double]] = [:]
    for sample in samples where sample.loadPerPod >= least {
      let (x, y) = measure.point(sample)
      let expected = line.y(at: x)
      guard expected > 0 else { continue }
      deviations[Int(sample.instant.timeIntervalSince(start) / CapacityCalibration.block), default: []]
        .append(y / expected - 1)
    }
    let blocks = deviations.sorted { $0.key < $1.key }.map { ($0.key, min(OrderStatistics.median($0.value) ?? 0, 1)) }
    let medians = blocks.map(\.1)
    var best: (index: Int, weight: Double) = (0, 0)
    for index in Self.leastBlocks..<max(Self.leastBlocks, medians.count - Self.leastBlocks + 1) {
      let (before, after) = (Self.mean(medians[..<index]), Self.mean(medians[index...]))
      // The part of the variance that a step here explains; it is largest at a step's true place.
      let weight = Double(index) * Double(medians.count - index) * (after - before) * (after - before)
      if weight > best.weight { best = (index, weight) }
    }
    guard best.index > 0, let before = OrderStatistics.median(medians[..<best.index]),
      let after = OrderStatistics.median(medians[best.index...]),
      let usual = OrderStatistics.median(
        medians.enumerated().map { abs($0.element - ($0.offset < best.index ? before : after)) }),
      abs(after - before) >= max(Self.leastChange, Self.leastDeviations * usual)
    else { return nil }
    instant = start.addingTimeInterval(Double(blocks[best.index].0) * CapacityCalibration.block)
  }

  private static func mean(_ values: ArraySlice<Double>) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }
}
