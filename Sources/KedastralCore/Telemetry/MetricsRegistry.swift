import Synchronization

/// The metrics of a process, in the shapes of the Prometheus data model: counters, gauges and histograms, with labels.
///
/// Declaring a metric twice returns the same one, so parts need not know of each other. Updates are atomic and take no lock;
/// look up a labelled child once and keep it.
///
///     let calls = registry.counter("calls_total", help: "Calls answered.", labels: ["method"])
///     calls.with("GetMetrics").increment()
package final class MetricsRegistry: Sendable {
  private let families = Mutex<[String: MetricFamily]>([:])

  /// Creates an empty registry.
  package init() {}

  /// A metric that only grows.
  package func counter(_ name: String, help: String, labels: [String] = []) -> MetricFamily {
    family(name, help: help, labels: labels, kind: .counter)
  }

  /// A metric that goes up and down.
  package func gauge(_ name: String, help: String, labels: [String] = []) -> MetricFamily {
    family(name, help: help, labels: labels, kind: .gauge)
  }

  /// A distribution over `buckets` (ascending upper bounds; one to infinity is added).
  package func histogram(
    _ name: String, help: String, labels: [String] = [], buckets: [Double] = MetricFamily.secondsBuckets
  ) -> MetricFamily {
    family(name, help: help, labels: labels, kind: .histogram(buckets: buckets))
  }

  /// All families, sorted by name.
  package var all: [MetricFamily] {
    families.withLock { $0.values.sorted { $0.name < $1.name } }
  }

  private func family(_ name: String, help: String, labels: [String], kind: MetricFamily.Kind) -> MetricFamily {
    families.withLock { families in
      if let present = families[name] { return present }
      let family = MetricFamily(name: name, help: help, labelNames: labels, kind: kind)
      families[name] = family
      return family
    }
  }
}

/// One metric name with all its labelled children.
package final class MetricFamily: Sendable {
  /// What the metric is.
  package enum Kind: Sendable, Equatable {
    /// Only grows.
    case counter
    /// Goes up and down.
    case gauge
    /// A distribution over buckets with these upper bounds.
    case histogram(buckets: [Double])
  }

  /// Bucket bounds for latencies: 100 µs to 10 s.
  package static let secondsBuckets = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  /// The metric's name.
  package let name: String
  /// One sentence for the reader.
  package let help: String
  /// The names of the labels, in the order in which values are given.
  package let labelNames: [String]
  /// What it is.
  package let kind: Kind
  private let children = Mutex(Children())

  /// The children, and their order until one is added or removed: a scrape of ten thousand workloads does not sort.
  private struct Children {
    var byLabels: [[String]: Metric] = [:]
    var sorted: [Metric]?
  }

  fileprivate init(name: String, help: String, labelNames: [String], kind: Kind) {
    self.name = name
    self.help = help
    self.labelNames = labelNames
    self.kind = kind
  }

  /// The child with these label values, made when it is new.
  ///
  /// - Precondition: as many values as label names.
  package func with(_ labelValues: String...) -> Metric {
    precondition(labelValues.count == labelNames.count, "\(name) has \(labelNames.count) label values")
    return children.withLock { children in
      if let present = children.byLabels[labelValues] { return present }
      let metric = Metric(labelValues: labelValues, buckets: bucketBounds)
      children.byLabels[labelValues] = metric
      children.sorted = nil
      return metric
    }
  }

  /// Drops a child, for instance of a workload that is gone.
  package func remove(_ labelValues: String...) {
    children.withLock { children in
      if children.byLabels.removeValue(forKey: labelValues) != nil { children.sorted = nil }
    }
  }

  /// All children, sorted by label values.
  package var all: [Metric] {
    children.withLock { children in
      if let sorted = children.sorted { return sorted }
      let sorted = children.byLabels.values.sorted { $0.labelValues.lexicographicallyPrecedes($1.labelValues) }
      children.sorted = sorted
      return sorted
    }
  }

  private var bucketBounds: [Double] {
    if case .histogram(let buckets) = kind { buckets } else { [] }
  }
}

/// One series: a value, and for histograms the buckets' counts.
package final class Metric: Sendable {
  /// The label values, in the order of the family's names.
  package let labelValues: [String]
  private let bits = Atomic<UInt64>(0)
  private let buckets: Buckets?

  private final class Buckets: Sendable {
    let bounds: [Double]
    let counts: Mutex<[Int]>
    /// The newest observation of each bucket that said whose it was.
    let exemplars = Mutex<[Int: Exemplar]>([:])

    init(bounds: [Double]) {
      self.bounds = bounds
      counts = Mutex(Array(repeating: 0, count: bounds.count + 1))
    }
  }

  fileprivate init(labelValues: [String], buckets: [Double]) {
    self.labelValues = labelValues
    self.buckets = buckets.isEmpty ? nil : Buckets(bounds: buckets)
  }

  /// The value of a counter or gauge; the sum of a histogram.
  package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  /// Sets a gauge.
  package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  /// Adds to a counter or gauge.
  package func increment(by amount: Double = 1) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + amount).bitPattern
      let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
      if exchanged { return }
      old = original
    }
  }

  /// Records one value of a histogram.
  ///
  /// - Parameter exemplar: the workload that it was about, kept as an example of its bucket.
  package func observe(_ value: Double, exemplar: String? = nil) {
    guard let buckets else { return }
    let index = buckets.bounds.firstIndex { value <= $0 } ?? buckets.bounds.count
    buckets.counts.withLock { $0[index] += 1 }
    if let exemplar { buckets.exemplars.withLock { $0[index] = Exemplar(workload: exemplar, value: value) } }
    increment(by: value)
  }

  /// One observation of a histogram, and what it was about.
  package struct Exemplar: Sendable, Equatable {
    /// The workload.
    package let workload: String
    /// The value.
    package let value: Double
  }

  /// The newest example of each bucket, by its index.
  ///
  /// Copied while they are locked: a copy that shares storage would be paid for by the next observation.
  package var exemplars: [Int: Exemplar] { buckets?.exemplars.withLock { $0.mapValues { $0 } } ?? [:] }

  /// Records a duration in seconds.
  package func observe(_ duration: Duration) { observe(duration.inSeconds) }

  /// A histogram's cumulative counts by upper bound (the last is the total), or nil of another metric.
  package var cumulativeCounts: [Int]? {
    guard let buckets else { return nil }
    var total = 0
    return buckets.counts.withLock { counts in
      counts.map { count in
        total += count
        return total
      }
    }
  }
}
