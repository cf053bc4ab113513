import KedastralCore

/// Metrics in Prometheus's text exposition format, version 0.0.4.
///
/// Reads the registry alone, so that it can be written on any thread.
package enum PrometheusText {
  /// The Content-Type that goes with the text.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// Writes all families that have a series.
  package static func write(_ registry: MetricsRegistry) -> [UInt8] {
    var text = Writer()
    for family in registry.all { text.family(family) }
    return text.bytes
  }

  private struct Writer {
    var bytes: [UInt8] = []

    mutating func family(_ family: MetricFamily) {
      let series = family.all
      guard !series.isEmpty else { return }
      bytes += "# HELP \(family.name) ".utf8
      escaped(family.help, quotes: false)
      bytes += "\n# TYPE \(family.name) \(family.kind.name)\n".utf8
      for metric in series {
        let labels = labels(of: metric, in: family)
        if case .histogram(let bounds) = family.kind {
          histogram(metric, name: family.name, labels: labels, bounds: bounds)
        } else {
          sample(family.name, labels, metric.value)
        }
      }
    }

    private mutating func histogram(_ metric: Metric, name: String, labels: [UInt8], bounds: [Double]) {
      // The counts are read at one moment, so that the buckets, the last of them and the count agree.
      let counts = metric.cumulativeCounts ?? []
      for (bound, count) in zip(bounds + [.infinity], counts) {
        let limit = Array("le=\"\(PrometheusText.number(bound))\"".utf8)
        sample(name + "_bucket", labels.isEmpty ? limit : labels + [UInt8(ascii: ",")] + limit, Double(count))
      }
      sample(name + "_sum", labels, metric.value)
      sample(name + "_count", labels, Double(counts.last ?? 0))
    }

    private mutating func sample(_ name: String, _ labels: [UInt8], _ value: Double) {
      bytes += name.utf8
      if !labels.isEmpty {
        bytes.append(UInt8(ascii: "{"))
        bytes += labels
        bytes.append(UInt8(ascii: "}"))
      }
      bytes.append(UInt8(ascii: " "))
      bytes += PrometheusText.number(value).utf8
      bytes.append(UInt8(ascii: "\n"))
    }

    private func labels(of metric: Metric, in family: MetricFamily) -> [UInt8] {
      var text = Writer()
      for (name, value) in zip(family.labelNames, metric.labelValues) {
        if !text.bytes.isEmpty { text.bytes.append(UInt8(ascii: ",")) }
        text.bytes += name.utf8
        text.bytes += "=\"".utf8
        text.escaped(value, quotes: true)
        text.bytes.append(UInt8(ascii: "\""))
      }
      return text.bytes
    }

    private mutating func escaped(_ text: String, quotes: Bool) {
      for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\\"): bytes += "\\\\".utf8
        case UInt8(ascii: "\n"): bytes += "\\n".utf8
        case UInt8(ascii: "\"") where quotes: bytes += "\\\"".utf8
        default: bytes.append(byte)
        }
      }
    }
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return value.shortText
  }
}

extension MetricFamily.Kind {
  fileprivate var name: String {
    switch self {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }
}
