import KedastralCore
import KedastralModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How much load a pod carries at a wanted saturation, measured from past load, pods and saturation.
///
/// The measurement is modelled as a line over the load per pod: the CPU share directly; of a latency its reciprocal, which falls in
/// a straight line towards zero in a queue with one server (M/M/1: latency = service time / (1 − load / capacity)). The line is a
/// ``RobustLine``. Its interval comes from a bootstrap over blocks of six hours, because neighbouring samples are not independent
/// (Künsch 1989).
package struct CapacityCalibration: Sendable, Equatable {
  /// What is measured, and the wanted value.
  package enum Measure: Sendable, Equatable {
    /// A share of what a pod may use, such as CPU over its limit; wanted in 0…1.
    case share(wanted: Double)
    /// A latency in seconds.
    case latency(wanted: Double)
  }

  /// One instant: the load per pod, and the measurement.
  package struct Sample: Sendable, Equatable {
    /// The time.
    package var instant: Date
    /// The load divided by the running pods.
    package var loadPerPod: Double
    /// The share or the latency.
    package var figure: Double

    /// Creates a sample.
    package init(instant: Date, loadPerPod: Double, figure: Double) {
      self.instant = instant
      self.loadPerPod = loadPerPod
      self.figure = figure
    }
  }

  /// Why the samples do not give a capacity.
  package enum Refusal: Error, Equatable {
    /// There are too few samples, or they cover too short a time.
    case tooFew(samples: Int, days: Double)
    /// The pods were never busy enough; the 99th percentile of their saturation.
    case neverBusy(peak: Double)
    /// The relation changed, for example with a deploy; what a pod carried before and after it.
    case changed(at: Date, before: Double, after: Double)
    /// The measurement does not grow with the load.
    case unrelated
    /// The wanted latency is not above that of an idle pod.
    case belowIdle(latency: Double)
    /// The interval is too wide to be of use.
    case tooWide(low: Double, high: Double)
  }

  /// The least saturation that the pods must have reached: below it, the value at the wanted saturation would be a guess.
  package static let leastPeak = 0.3
  /// The fewest samples.
  package static let leastSamples = 100
  /// The least time that they cover, in days.
  package static let leastDays = 2.0
  /// The largest width of an interval, as a share of the capacity.
  static let greatestWidth = 0.5
  /// The number of samples that are fitted, spread evenly over the time: the fit compares all pairs.
  private static let fittedSamples = 144
  private static let resamples = 200
  static let block: TimeInterval = 6 * 3600

  /// What is measured.
  package let measure: Measure
  /// The load that a pod carries at the wanted value.
  package let capacity: Double
  /// The 95 % interval of ``capacity``.
  package let interval: ClosedRange<Double>
  /// The 99th percentile of the saturation: the share itself, or of a latency the load over what would make it infinite.
  package let peak: Double
  /// Whether the wanted value is above all but 1 % of the samples.
  package let isExtrapolated: Bool
  /// The line, over the load per pod; of the latency's reciprocal.
  package let line: RobustLine
  /// The usable samples.
  package let samples: [Sample]

  /// Measures a capacity.
  ///
  /// - Parameter samples: in ascending order of time; those that are not finite or without load are left out.
  /// - Throws: ``Refusal`` when the samples do not give one.
  package init(_ samples: [Sample], measure: Measure) throws(Refusal) {
    let usable = samples.filter { $0.loadPerPod.isFinite && $0.loadPerPod > 0 && $0.figure.isFinite && $0.figure > 0 }
    let days = usable.last.map { $0.instant.timeIntervalSince(usable[0].instant) / 86_400 } ?? 0
    guard usable.count >= Self.leastSamples, days >= Self.leastDays else {
      throw .tooFew(samples: usable.count, days: days)
    }
    self.measure = measure
    self.samples = usable
    let fitted = Self.thinned(usable, to: Self.fittedSamples)
    guard let line = RobustLine(fitted.map(measure.point)) else { throw .unrelated }
    // A share that hardly grows because the pods are idle is reported as such.
    if case .share = measure {
      let peak = Self.percentile99(usable.map(\.figure))
      guard peak >= Self.leastPeak else { throw .neverBusy(peak: peak) }
    }
    let change = CapacityChange(usable, line: line, measure: measure)
    if let change {
      func carried(_ part: [Sample]) -> Double {
        RobustLine(Self.thinned(part, to: Self.fittedSamples).map(measure.point)).map(measure.capacity) ?? .nan
      }
      throw .changed(
        at: change.instant, before: carried(usable.filter { $0.instant < change.instant }),
        after: carried(usable.filter { $0.instant >= change.instant }))
    }
    guard measure.isRising(line) else { throw .unrelated }
    let peak = measure.saturation(usable, line)
    guard peak >= Self.leastPeak else { throw .neverBusy(peak: peak) }
    if case .latency(let wanted) = measure, 1 / line.intercept >= wanted {
      throw .belowIdle(latency: 1 / line.intercept)
    }
    self.line = line
    self.peak = peak
    capacity = measure.capacity(line)
    guard capacity.isFinite, capacity > 0 else { throw .unrelated }
    let interval = Self.interval(fitted, measure, around: capacity)
    guard interval.upperBound - interval.lowerBound <= Self.greatestWidth * capacity else {
      throw .tooWide(low: interval.lowerBound, high: interval.upperBound)
    }
    self.interval = interval
    isExtrapolated = capacity > Self.percentile99(usable.map(\.loadPerPod))
  }

  /// The capacity with two significant digits or three, rounded down: the value for `targetPerPod`.
  package var targetPerPod: Double {
    var unit = 1.0
    while capacity / unit >= 1000 { unit *= 10 }
    while capacity / unit < 100 { unit /= 10 }
    // Powers of ten below one are not exact; a division by their reciprocal is.
    return unit >= 1 ? (capacity / unit).rounded(.down) * unit : (capacity / unit).rounded(.down) / (1 / unit).rounded()
  }

  /// At most `count` of the samples, evenly spread.
  static func thinned(_ samples: [Sample], to count: Int) -> [Sample] {
    guard samples.count > count else { return samples }
    return (0..<count).map { samples[$0 * samples.count / count] }
  }

  static func percentile99(_ values: [Double]) -> Double {
    OrderStatistics.quantile(0.99, ofSorted: values.sorted())
  }

  /// The 2.5 % and 97.5 % quantiles of the capacity over samples that are drawn in blocks.
  private static func interval(
    _ samples: [Sample], _ measure: Measure, around capacity: Double
  ) -> ClosedRange<Double> {
    let start = samples[0].instant
    let blocks = Dictionary(grouping: samples) { Int($0.instant.timeIntervalSince(start) / block) }
      .sorted { $0.key < $1.key }.map { $0.value.map(measure.point) }
    var generator = SmallGenerator(state: 20_261_126)
    let capacities: [Double] = (0..<resamples).compactMap { _ in
      let points = (0..<blocks.count).flatMap { _ in blocks[generator.next(below: blocks.count)] }
      guard let line = RobustLine(points), measure.isRising(line) else { return nil }
      return measure.capacity(line)
    }
    .filter(\.isFinite).sorted()
    // A resample without a rising line is an infinite capacity.
    guard capacities.count * 40 >= resamples * 39 else { return 0...Double.greatestFiniteMagnitude }
    let low = OrderStatistics.quantile(0.025, ofSorted: capacities)
    let high = OrderStatistics.quantile(0.975, ofSorted: capacities)
    return min(low, capacity)...max(high, capacity)
  }
}

extension CapacityCalibration.Measure {
  /// A sample as a point of the line.
  func point(_ sample: CapacityCalibration.Sample) -> (x: Double, y: Double) {
    switch self {
    case .share: (sample.loadPerPod, sample.figure)
    case .latency: (sample.loadPerPod, 1 / sample.figure)
    }
  }

  /// Whether the measurement grows with the load.
  func isRising(_ line: RobustLine) -> Bool {
    switch self {
    case .share: line.slope > 0
    case .latency: line.slope < 0 && line.intercept > 0
    }
  }

  /// The load per pod at the wanted value.
  func capacity(_ line: RobustLine) -> Double {
    switch self {
    case .share(let wanted): line.x(at: wanted)
    case .latency(let wanted): line.x(at: 1 / wanted)
    }
  }

  /// The measurement at a load.
  package func figure(_ line: RobustLine, at load: Double) -> Double {
    switch self {
    case .share: line.y(at: load)
    case .latency: line.y(at: load) > 0 ? 1 / line.y(at: load) : .infinity
    }
  }

  /// The wanted measurement.
  package var wanted: Double {
    switch self {
    case .share(let wanted), .latency(let wanted): wanted
    }
  }

  /// The 99th percentile of the saturation.
  fileprivate func saturation(_ samples: [CapacityCalibration.Sample], _ line: RobustLine) -> Double {
    switch self {
    case .share: CapacityCalibration.percentile99(samples.map(\.figure))
    case .latency: CapacityCalibration.percentile99(samples.map(\.loadPerPod)) / line.x(at: 0)
    }
  }
}

/// A small generator with a fixed seed (Steele, Lea & Flood 2014), so that the same samples give the same interval.
private struct SmallGenerator {
  var state: UInt64

  mutating func next(below count: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((mixed ^ (mixed >> 31)) % UInt64(count))
  }
}
