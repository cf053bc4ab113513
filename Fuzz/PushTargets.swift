import FoundationEssentials
import KedastralCore

@testable import KedastralSources

/// Requests of OTLP, as protobuf and as JSON, and the series that is made of their points.
func fuzzOTLP(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  let body = Array(bytes.dropFirst())
  let isWanted: (String) -> Bool = { first & 2 == 0 || $0 == "m" }
  let batch =
    first & 1 == 0
    ? try? OTLPMessage.batch(body, limit: 1_000, isWanted: isWanted)
    : try? OTLPDocument.batch(body, limit: 1_000, isWanted: isWanted)
  if let batch { fuzzPoints(batch, of: body) }
}

/// Requests of remote write, with and without their compression, and the series that is made of their samples.
func fuzzRemoteWrite(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  var body = Array(bytes.dropFirst())
  if first & 1 == 0 {
    guard let plain = try? Snappy.decompress(body, limit: 64 << 10) else { return }
    demand(plain.count <= 64 << 10, "more than the limit after decompression")
    body = plain
  }
  if let batch = try? RemoteWriteMessage.batch(body, limit: 1_000, isWanted: { _ in true }) {
    fuzzPoints(batch, of: body)
  }
}

private func fuzzPoints(_ batch: PushBatch, of body: [UInt8]) {
  let count = batch.points.count + batch.unselected + batch.rejected.values.reduce(0, +)
  demand(count <= 1_000 && count <= body.count, "more points than bytes, or than the limit")
  var load = PushedLoad(step: .seconds(60), capacity: 100)
  var now = Date(timeIntervalSince1970: 1_800_000_000)
  // The points' own times, and the same brought near the clock, so that they are used.
  for offset in [nil, 0.0, 45, 700] {
    for point in batch.points {
      var point = point
      if let offset {
        point.instant = 1_800_000_000 + offset + point.instant.truncatingRemainder(dividingBy: 400)
        switch point.meaning {
        case .total(let start?):
          point.meaning = .total(start: point.instant - start.truncatingRemainder(dividingBy: 700))
        case .increase(let start?):
          point.meaning = .increase(start: point.instant - 1e-6 - start.truncatingRemainder(dividingBy: 700))
        default: break
        }
      }
      _ = load.add(point, at: now)
    }
    let series = load.samples(in: now - .seconds(60_000)..<now + .seconds(1), at: now)
    demand(series.values.count { $0.isFinite } <= 130, "more samples than are kept")
    demand(series.values.allSatisfy { !$0.isInfinite }, "an infinite sample")
    now = now + .seconds(300)
  }
}
