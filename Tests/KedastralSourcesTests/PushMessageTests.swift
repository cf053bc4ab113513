import CSnappy
import Foundation
import Testing

@testable import KedastralSources

/// Writes protobuf messages as a sender would.
struct WireMessage {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func number(_ field: Int, _ value: Int64) {
    varint(UInt64(field) << 3)
    varint(UInt64(bitPattern: value))
  }

  mutating func fixed(_ field: Int, _ value: UInt64) {
    varint(UInt64(field) << 3 | 1)
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  mutating func text(_ field: Int, _ text: String) { data(field, Array(text.utf8)) }

  mutating func data(_ field: Int, _ data: [UInt8]) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(data.count))
    bytes += data
  }

  mutating func message(_ field: Int, _ build: (inout WireMessage) -> Void) {
    var inner = WireMessage()
    build(&inner)
    data(field, inner.bytes)
  }

  /// A point of OTLP.
  mutating func point(
    _ field: Int, _ value: Double, at second: Double, since start: Double? = nil, _ attributes: [String: String] = [:],
    flags: Int64 = 0
  ) {
    message(field) {
      if let start { $0.fixed(2, UInt64(start * 1e9)) }
      $0.fixed(3, UInt64(second * 1e9))
      $0.fixed(4, value.bitPattern)
      for (key, value) in attributes { $0.attribute(7, key, value) }
      if flags != 0 { $0.number(8, flags) }
    }
  }

  mutating func attribute(_ field: Int, _ key: String, _ value: String) {
    message(field) {
      $0.text(1, key)
      $0.message(2) { $0.text(1, value) }
    }
  }

  /// A request of OTLP with one metric; `kind` is the field of its data.
  static func otlp(
    _ metric: String, kind: Int = 7, of resource: [String: String] = [:], _ data: (inout WireMessage) -> Void
  ) -> [UInt8] {
    var request = WireMessage()
    request.message(1) {
      $0.message(1) { for (key, value) in resource { $0.attribute(1, key, value) } }
      $0.message(2) {
        $0.message(2) {
          $0.text(1, metric)
          $0.message(kind, data)
        }
      }
    }
    return request.bytes
  }

  /// A request of remote write, not compressed, with one series.
  static func remoteWrite(_ labels: [(String, String)], _ samples: [(Double, Double)]) -> [UInt8] {
    var request = WireMessage()
    request.message(1) {
      for (name, value) in labels {
        $0.message(1) {
          $0.text(1, name)
          $0.text(2, value)
        }
      }
      for (value, second) in samples {
        $0.message(2) {
          $0.fixed(1, value.bitPattern)
          $0.number(2, Int64(second * 1000))
        }
      }
    }
    return request.bytes
  }
}

/// Compresses as Prometheus does.
func snappy(_ bytes: [UInt8]) -> [UInt8] {
  var length = snappy_max_compressed_length(bytes.count)
  var output = [CChar](repeating: 0, count: length)
  _ = bytes.withUnsafeBytes {
    snappy_compress($0.bindMemory(to: CChar.self).baseAddress, $0.count, &output, &length)
  }
  return output.prefix(length).map { UInt8(bitPattern: $0) }
}

@Suite("Messages of senders")
struct PushMessageTests {
  private func otlp(_ bytes: [UInt8], limit: Int = 100) throws(PushRefusal) -> PushBatch {
    try OTLPMessage.batch(bytes, limit: limit) { $0 == "m" }
  }

  private func json(_ text: String, limit: Int = 100) throws(PushRefusal) -> PushBatch {
    try OTLPDocument.batch(Array(text.utf8), limit: limit) { $0 == "m" }
  }

  private func remoteWrite(_ bytes: [UInt8], limit: Int = 100) throws(PushRefusal) -> PushBatch {
    try RemoteWriteMessage.batch(bytes, limit: limit) { $0 == "m" }
  }

  @Test("reads a cumulative sum with the attributes of its resource, over which those of the point take precedence")
  func sum() throws {
    let batch = try otlp(
      WireMessage.otlp("m", of: ["service.name": "shop", "zone": "a"]) {
        $0.point(1, 12, at: 100, since: 40, ["zone": "b"])
        $0.number(2, 2)
        $0.number(3, 1)
      })
    #expect(
      batch.points == [
        PushedPoint(
          metric: "m", attributes: ["service.name": "shop", "zone": "b"], instant: 100, value: 12,
          meaning: .total(start: 40))
      ])
  }

  @Test("takes a sum that can fall and a gauge as levels, a delta as an increase, and a flag as the end of a series")
  func meanings() throws {
    func meaning(_ kind: Int, temporality: Int64, isMonotonic: Int64, flags: Int64 = 0) throws -> PushedPoint.Meaning? {
      try otlp(
        WireMessage.otlp("m", kind: kind) {
          $0.point(1, 1, at: 100, since: 40, flags: flags)
          if kind == 7 {
            $0.number(2, temporality)
            $0.number(3, isMonotonic)
          }
        }
      ).points.first?.meaning
    }
    #expect(try meaning(5, temporality: 0, isMonotonic: 0) == .level)
    #expect(try meaning(7, temporality: 2, isMonotonic: 0) == .level)
    #expect(try meaning(7, temporality: 1, isMonotonic: 1) == .increase(start: 40))
    #expect(try meaning(7, temporality: 2, isMonotonic: 1, flags: 1) == .end)
    // The base of a delta that can fall is not known; a sum without a temporality has no meaning.
    #expect(try meaning(7, temporality: 1, isMonotonic: 0) == nil)
    #expect(try meaning(7, temporality: 0, isMonotonic: 1) == nil)
  }

  @Test("skips metrics that no workload selects, and counts the points of histograms and summaries as rejected")
  func others() throws {
    #expect(try otlp(WireMessage.otlp("other") { $0.point(1, 1, at: 100) }).unselected == 1)
    for kind in [9, 10, 11] {
      let batch = try otlp(
        WireMessage.otlp("m", kind: kind) {
          $0.point(1, 1, at: 100)
          $0.point(1, 1, at: 101)
        })
      #expect(batch.points.isEmpty && batch.rejected == [.kind: 2])
    }
    let untimed = try otlp(WireMessage.otlp("m", kind: 5) { $0.point(1, 1, at: 0) })
    #expect(untimed.rejected == [.time: 1])
  }

  @Test("reads the same from OTLP's JSON, with numbers as texts or numbers")
  func document() throws {
    let batch = try json(
      """
      {"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
       "scopeMetrics":[{"scope":{"name":"x"},"metrics":[
        {"name":"m","unit":"1","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[
          {"startTimeUnixNano":"40000000000","timeUnixNano":"100000000000","asInt":"12",
           "attributes":[{"key":"code","value":{"intValue":"200"}},{"key":"ok","value":{"boolValue":true}}]}]}},
        {"name":"m","gauge":{"dataPoints":[{"timeUnixNano":100000000000,"asDouble":1.5}]}},
        {"name":"m","histogram":{"dataPoints":[{},{}]}},
        {"name":"other","gauge":{"dataPoints":[{}]}}]}]}]}
      """)
    let shop = ["service.name": "shop"]
    #expect(
      batch.points == [
        PushedPoint(
          metric: "m", attributes: ["service.name": "shop", "code": "200", "ok": "true"], instant: 100, value: 12,
          meaning: .increase(start: 40)),
        PushedPoint(metric: "m", attributes: shop, instant: 100, value: 1.5, meaning: .level),
      ])
    #expect(batch.rejected == [.kind: 2] && batch.unselected == 1)
  }

  @Test("refuses bodies that are not what they should be with status 400")
  func broken() {
    for text in ["", "[]", "{", #"{"resourceMetrics":1}"#, "3"] {
      let refusal = #expect(throws: PushRefusal.self) { try json(text) }
      #expect(refusal?.status == 400)
    }
    for bytes: [UInt8] in [[0x0A], [0x0A, 5, 1], Array("<html>".utf8)] {
      #expect(throws: PushRefusal(400, "the body is not a protobuf message of type ExportMetricsServiceRequest")) {
        try otlp(bytes)
      }
    }
    #expect(throws: PushRefusal(400, "a text of the request is not UTF-8")) {
      try otlp([0x0A, 8, 0x12, 6, 0x12, 4, 0x0A, 2, 0xFF, 0xFE])
    }
  }

  @Test("refuses a request with more points than the limit, whether or not they are selected, with status 413")
  func points() {
    for metric in ["m", "other"] {
      let bytes = WireMessage.otlp(metric, kind: 5) { for second in 1...11 { $0.point(1, 1, at: Double(second)) } }
      let refusal = #expect(throws: PushRefusal.self) { try otlp(bytes, limit: 10) }
      #expect(refusal?.status == 413)
    }
  }

  @Test("refuses a small message that would need much memory with status 413")
  func memory() {
    // Empty metrics, of two bytes each.
    let empty = [[UInt8]](repeating: [0x12, 0], count: 1_000_000).flatMap(\.self)
    var request = WireMessage()
    request.message(1) { $0.data(2, empty) }
    let refusal = #expect(throws: PushRefusal.self) { try otlp(request.bytes, limit: .max) }
    #expect(refusal?.status == 413)
  }

  @Test("reads a message whose values are nested without end as one without these values")
  func nesting() throws {
    // AnyValue { array_value { values { array_value … } } }, 20,000 deep, would exhaust the stack of a recursive reader.
    var value: [UInt8] = []
    for _ in 0..<20_000 {
      var array = WireMessage()
      array.data(1, value)
      var any = WireMessage()
      any.data(5, array.bytes)
      value = any.bytes
    }
    let bytes = WireMessage.otlp("m", kind: 5) {
      $0.message(1) {
        $0.fixed(3, 100_000_000_000)
        $0.fixed(4, 1.0.bitPattern)
        $0.message(7) {
          $0.text(1, "deep")
          $0.data(2, value)
        }
      }
    }
    #expect(try otlp(bytes).points.first?.attributes == [:])
  }

  @Test("reads the samples of remote write, and its stale marker as the end of a series")
  func samples() throws {
    let marker = Double(bitPattern: 0x7ff0_0000_0000_0002)
    let batch = try remoteWrite(
      WireMessage.remoteWrite([("__name__", "m"), ("app", "shop")], [(5, 100), (marker, 115.5)]))
    #expect(
      batch.points == [
        PushedPoint(metric: "m", attributes: ["app": "shop"], instant: 100, value: 5, meaning: .level),
        PushedPoint(metric: "m", attributes: ["app": "shop"], instant: 115.5, value: 0, meaning: .end),
      ])
    #expect(try remoteWrite(WireMessage.remoteWrite([("__name__", "x")], [(5, 100)])).unselected == 1)
  }

  @Test("unpacks snappy blocks, up to a limit that is checked before")
  func blocks() throws {
    let plain = [UInt8](repeating: 7, count: 5_000)
    #expect(try Snappy.decompress(snappy(plain), limit: 5_000) == plain)
    #expect(try Snappy.decompress(snappy([]), limit: 10) == [])
    let refusal = #expect(throws: PushRefusal.self) { try Snappy.decompress(snappy(plain), limit: 4_999) }
    #expect(refusal?.status == 413)
    // A block that claims four gigabytes, and others that are broken.
    let claims: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0]
    let claim = #expect(throws: PushRefusal.self) { try Snappy.decompress(claims, limit: 1 << 20) }
    #expect(claim?.status == 413)
    for bytes: [UInt8] in [[], [5], [5, 1, 2], Array(snappy(plain).dropLast())] {
      #expect(throws: PushRefusal(400, "the body is not a snappy block")) {
        try Snappy.decompress(bytes, limit: 1 << 20)
      }
    }
  }
}
