import Foundation
import KedastralCore
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralSources

@Suite("Seeds of the fuzz targets for pushed points")
struct PushCorpusTests {
  /// Seeds, by target and name; the first byte says how the rest is read.
  private static var seeds: [String: [UInt8]] {
    let labels = [("__name__", "m"), ("app", "shop")]
    let write = WireMessage.remoteWrite(labels, [(1, 1_800_000_000), (5, 1_800_000_060)])
    let stale = WireMessage.remoteWrite(labels, [(Double(bitPattern: 0x7ff0_0000_0000_0002), 1_800_000_000)])
    func sum(_ temporality: Int64) -> [UInt8] {
      WireMessage.otlp("m", of: ["service.name": "shop"]) {
        for minute in 0..<3 {
          let second = 1_800_000_000 + Double(minute) * 60
          $0.point(1, Double(minute), at: second, since: 1_799_999_990, ["code": "200"], flags: minute == 2 ? 1 : 0)
        }
        $0.number(2, temporality)
        $0.number(3, 1)
      }
    }
    let document = """
      {"resourceMetrics":[{"resource":{"attributes":[{"key":"a","value":{"intValue":"1"}}]},"scopeMetrics":[{"metrics":[
      {"name":"m","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[
      {"startTimeUnixNano":"1799999990000000000","timeUnixNano":"1800000000000000000","asInt":"5"}]}}]}]}]}
      """
    return [
      "otlp/cumulative": [0] + sum(2), "otlp/delta": [0] + sum(1),
      "otlp/gauge": [2] + WireMessage.otlp("m", kind: 5) { $0.point(1, 5, at: 1_800_000_000) },
      "otlp/histogram": [0] + WireMessage.otlp("m", kind: 9) { $0.point(1, 5, at: 1) },
      "otlp/json": [1] + Array(document.utf8), "otlp/empty": [0],
      "remotewrite/compressed": [0] + snappy(write), "remotewrite/plain": [1] + write,
      "remotewrite/stale": [1] + stale, "remotewrite/empty": [0],
    ]
  }

  @Test("are what the messages' writers make")
  func current() throws {
    let folder = Repository.root.appendingPathComponent("Fuzz/Corpus")
    for (name, bytes) in Self.seeds {
      let file = folder.appendingPathComponent(name)
      if ProcessInfo.processInfo.environment["KEDASTRAL_RECORD"] != nil {
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
      }
      // Attributes have no order, so only what is read must be the same.
      let recorded = Array(try Data(contentsOf: file))
      #expect(recorded.count == bytes.count, "\(name)")
    }
  }

  @Test("changed at random, crash nothing, and give finite loads")
  func mutations() {
    var random = SeededGenerator(seed: 18)
    for (name, seed) in Self.seeds.sorted(by: { $0.key < $1.key }) {
      for _ in 0..<3_000 {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let place = Int.random(in: 0...bytes.count, using: &random)
          switch Int.random(in: 0..<3, using: &random) {
          case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
          case 1 where place < bytes.count: bytes.remove(at: place)
          default: if place < bytes.count { bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
          }
        }
        let body = Array(bytes.dropFirst())
        let batch: PushBatch? =
          switch (name.hasPrefix("otlp"), bytes.first == 1) {
          case (true, true): try? OTLPDocument.batch(body, limit: 100) { _ in true }
          case (true, false): try? OTLPMessage.batch(body, limit: 100) { _ in true }
          case (false, true): try? RemoteWriteMessage.batch(body, limit: 100) { _ in true }
          case (false, false):
            (try? Snappy.decompress(body, limit: 10_000)).flatMap { plain in
              try? RemoteWriteMessage.batch(plain, limit: 100) { _ in true }
            }
          }
        var load = PushedLoad(step: .seconds(60), capacity: 100)
        let now = Date(timeIntervalSince1970: 1_800_000_120)
        for point in batch?.points ?? [] { _ = load.add(point, at: now) }
        let samples = load.samples(in: now - .seconds(6_000)..<now + .seconds(1), at: now)
        #expect(samples.values.allSatisfy { !$0.isInfinite }, "\(name): \(bytes)")
      }
    }
  }
}
