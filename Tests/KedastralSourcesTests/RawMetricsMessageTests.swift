import Foundation
import KedastralCore
import KedastralGRPC
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralSources

@Suite("Messages of KEDA's raw metrics")
struct RawMetricsMessageTests {
  /// The seeds of the fuzzer, without their first byte, which says where it cuts them.
  private func seeds() throws -> [String: [UInt8]] {
    let folder = Repository.root.appendingPathComponent("Fuzz/Corpus/rawmetrics")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    return Dictionary(
      uniqueKeysWithValues: try files.map { ($0.lastPathComponent, Array(try Data(contentsOf: $0).dropFirst())) })
  }

  private func read(_ bytes: [UInt8]) throws -> [RawMetric] { try RawMetricsCodec.metrics(bytes.span.bytes) }

  @Test("a message has the trigger, the value and its time; values without a trigger are left out")
  func fields() throws {
    let seeds = try seeds()
    let trigger = ScalingTrigger(namespace: "shop", object: "orders", name: "lag")
    let instant = Date(timeIntervalSince1970: 1_800_000_000.000_000_005)
    #expect(try read(#require(seeds["one"])) == [RawMetric(trigger: trigger, value: 42.5, instant: instant)])
    #expect(try read(#require(seeds["no-time"])).map(\.instant) == [nil])
    for name in ["no-trigger", "empty"] { #expect(try read(#require(seeds[name])) == []) }
    #expect(throws: GRPCStatus.self) { try read(#require(seeds["not-utf8"])) }
  }

  @Test("times before 1970 and after 9999 and impossible fractions of a second are invalid")
  func times() throws {
    let instants = try read(#require(try seeds()["far-time"])).map(\.instant)
    #expect(instants == [nil, nil, Date(timeIntervalSince1970: 253_402_300_799.999_999_999)])
  }

  @Test("changed, cut and joined messages are read or refused, and never give a series that is not finite")
  func mutations() throws {
    var random = SeededGenerator(seed: 18)
    let seeds = try seeds().sorted { $0.key < $1.key }.map(\.value)
    let now = Date(timeIntervalSince1970: 1_800_000_000)
    let values = TriggerValues(step: .seconds(60), capacity: 100)
    var readCount = 0
    for _ in 0..<20_000 {
      var bytes = seeds.randomElement(using: &random) ?? []
      bytes += Bool.random(using: &random) ? seeds.randomElement(using: &random) ?? [] : []
      for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      bytes.removeLast(min(bytes.count, [0, 0, 1, 7].randomElement(using: &random) ?? 0))
      guard let metrics = try? read(bytes) else { continue }
      readCount += 1
      values.add(metrics, at: now)
    }
    #expect(readCount > 1_000)
    #expect(values.series.values.allSatisfy { !$0.isInfinite })
    #expect(values.series.count <= 113)
  }
}
