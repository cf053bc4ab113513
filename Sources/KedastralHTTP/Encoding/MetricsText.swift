import KedastralCore

/// Metrics as text: in Prometheus's exposition format or in OpenMetrics, as requested by the scraper.
///
/// It reads only the registry, so it can run on any thread.
package enum MetricsText {
  /// The two formats.
  package enum Format: Sendable {
    /// Prometheus's text format, version 0.0.4.
    case prometheus
    /// OpenMetrics 1.0.0: the same, with exemplars and an end marker.
    case openMetrics

    /// The format that an Accept header requests; Prometheus's unless it names OpenMetrics.
    package init(accept: String?) {
      self = accept?.contains("application/openmetrics-text") == true ? .openMetrics : .prometheus
    }

    /// The Content-Type of the text.
    package var contentType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  /// Writes all families that have a series.
  package static func write(_ registry: MetricsRegistry, as format: Format = .prometheus) -> [UInt8] {
    var text = Writer(format: format)
    for family in registry.all { text.family(family) }
    if format == .openMetrics { text.bytes += "# EOF\n".utf8 }
    return text.bytes
  }

  private struct Writer {
    let format: Format
    var bytes: [UInt8] = []

    mutating func family(_ family: MetricFamily) {
      let series = family.all
      guard !series.isEmpty else { return }
      // To OpenMetrics, a counter's name has no suffix, and its sample has.
      let isCounter = family.kind == .counter
      let name =
        format == .openMetrics && isCounter && family.name.hasSuffix("_total")
        ? String(family.name.dropLast(6)) : family.name
      bytes += "# HELP \(name) ".utf8
      escaped(family.help, quotes: false)
      bytes += "\n# TYPE \(name) \(family.kind.name)\n".utf8
      for metric in series {
        let labels = labels(of: metric, in: family)
        if case .histogram(let bounds) = family.kind {
          histogram(metric, name: family.name, labels: labels, bounds: bounds)
        } else {
          sample(family.name, labels, metric.value)
          newline()
        }
      }
    }

    private mutating func histogram(_ metric: Metric, name: String, labels: [UInt8], bounds: [Double]) {
      // The counts are read at one moment, so that the buckets, the last of them and the count agree.
      let counts = metric.cumulativeCounts ?? []
      let exemplars = format == .openMetrics ? metric.exemplars : [:]
      for (index, (bound, count)) in zip(bounds + [.infinity], counts).enumerated() {
        let limit = Array("le=\"\(MetricsText.number(bound))\"".utf8)
        sample(name + "_bucket", labels.isEmpty ? limit : labels + [UInt8(ascii: ",")] + limit, Double(count))
        if let exemplar = exemplars[index] {
          bytes += " # {workload=\"\(exemplar.workload)\"} \(MetricsText.number(exemplar.value))".utf8
        }
        newline()
      }
      sample(name + "_sum", labels, metric.value)
      newline()
      sample(name + "_count", labels, Double(counts.last ?? 0))
      newline()
    }

    private mutating func sample(_ name: String, _ labels: [UInt8], _ value: Double) {
      bytes += name.utf8
      if !labels.isEmpty {
        bytes.append(UInt8(ascii: "{"))
        bytes += labels
        bytes.append(UInt8(ascii: "}"))
      }
      bytes.append(UInt8(ascii: " "))
      bytes += MetricsText.number(value).utf8
    }

    private mutating func newline() { bytes.append(UInt8(ascii: "\n")) }

    private func labels(of metric: Metric, in family: MetricFamily) -> [UInt8] {
      var text = Writer(format: format)
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
        case UInt8(ascii: "\"") where quotes || format == .openMetrics: bytes += "\\\"".utf8
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
