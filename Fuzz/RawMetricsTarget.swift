import FoundationEssentials
import KedastralCore
import KedastralGRPC

@testable import KedastralSources

/// Messages of KEDA's raw metrics, in two pieces, and the series that is made of their values.
func fuzzRawMetrics(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  let body = bytes.dropFirst()
  let cut = body.count * Int(first) / 256
  let values = TriggerValues(step: .seconds(60), capacity: 100)
  var now = Date(timeIntervalSince1970: 1_800_000_000)
  for piece in [Array(body.prefix(cut)), Array(body.dropFirst(cut))] {
    guard let metrics = try? RawMetricsCodec.metrics(piece.span.bytes) else { continue }
    demand(metrics.count <= piece.count, "more values than bytes")
    for metric in metrics {
      demand(metric.instant.map { $0.timeIntervalSince1970 < 1e12 } ?? true, "a time after the year 9999")
      values.add([metric], at: now)
    }
    values.add(metrics, at: now)
    now = now + .seconds(75)
    demand(values.series.count <= 113, "a series of \(values.series.count) samples")
    demand(values.series.values.allSatisfy { !$0.isInfinite }, "an infinite sample")
  }
}
