#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Requests and responses of OTLP as JSON.
package enum OTLPDocument {
  /// The points of a request.
  ///
  /// - Parameters:
  ///   - limit: the number of points that it may have.
  ///   - isWanted: whether a workload selects a metric.
  /// - Throws: ``PushRefusal`` for bytes that are not such a document, and for one that has too many points.
  package static func batch(
    _ bytes: [UInt8], limit: Int, isWanted: (String) -> Bool
  ) throws(PushRefusal) -> PushBatch {
    let document: JSONValue
    do { document = try JSONValue(bytes) } catch { throw PushRefusal(400, "the body is not valid JSON: \(error)") }
    guard case .object = document else { throw PushRefusal(400, "the body is not a JSON object") }
    var batch = PushBatch(limit: limit)
    for resource in try elements(document, "resourceMetrics") {
      let attributes = try pairs(resource["resource"])
      for scope in try elements(resource, "scopeMetrics") {
        for metric in try elements(scope, "metrics") {
          try add(metric, of: attributes, to: &batch, isWanted: isWanted)
        }
      }
    }
    return batch
  }

  private static func add(
    _ metric: JSONValue, of resource: [String: String], to batch: inout PushBatch, isWanted: (String) -> Bool
  ) throws(PushRefusal) {
    let name = metric["name"].text ?? ""
    let (kind, data): (OTLPMetric.Kind, JSONValue) =
      if metric["gauge"] != .null {
        (.gauge, metric["gauge"])
      } else if metric["sum"] != .null {
        (
          .sum(
            temporality: temporality(metric["sum"]["aggregationTemporality"]),
            isMonotonic: metric["sum"]["isMonotonic"] == .bool(true)),
          metric["sum"]
        )
      } else {
        (.other, ["histogram", "exponentialHistogram", "summary"].map { metric[$0] }.first { $0 != .null } ?? .null)
      }
    let points = try elements(data, "dataPoints")
    guard isWanted(name) else { return try batch.skip(points.count) }
    guard kind != .other else { return try batch.reject(points.count, .kind) }
    let reader = OTLPMetric(name: name, kind: kind)
    for point in points {
      let value = point["asDouble"] != .null ? point["asDouble"] : point["asInt"]
      let flags = number(point["flags"]) ?? 0
      try reader.add(
        OTLPMetric.Point(
          start: (number(point["startTimeUnixNano"]) ?? 0) / 1e9, instant: (number(point["timeUnixNano"]) ?? 0) / 1e9,
          value: value == .null ? nil : value.number,
          isWithoutValue: (0..<4_294_967_296).contains(flags) && Int(flags) & 1 != 0, attributes: try pairs(point)),
        of: resource, to: &batch)
    }
  }

  /// 1 for delta, 2 for cumulative, else 0; senders write the number or its name.
  private static func temporality(_ value: JSONValue) -> Int {
    switch value {
    case .number(1), .string("AGGREGATION_TEMPORALITY_DELTA"): 1
    case .number(2), .string("AGGREGATION_TEMPORALITY_CUMULATIVE"): 2
    default: 0
    }
  }

  private static func number(_ value: JSONValue) -> Double? { value.number.flatMap { $0.isFinite ? $0 : nil } }

  private static func pairs(_ owner: JSONValue) throws(PushRefusal) -> [String: String] {
    var pairs: [String: String] = [:]
    for attribute in try elements(owner, "attributes") {
      guard let key = attribute["key"].text, case .object(let members) = attribute["value"],
        let (type, value) = members.first
      else { continue }
      switch (type, value) {
      case ("stringValue", .string(let text)): pairs[key] = text
      case ("boolValue", .bool(let flag)): pairs[key] = flag ? "true" : "false"
      case ("intValue", .string(let text)): pairs[key] = text
      case ("intValue", .number(let number)): pairs[key] = Int64(exactly: number).map { "\($0)" }
      case ("doubleValue", let value): pairs[key] = value.number.map { "\($0)" }
      default: break
      }
    }
    return pairs
  }

  /// The elements of an array; none where it is missing.
  private static func elements(_ owner: JSONValue, _ name: String) throws(PushRefusal) -> [JSONValue] {
    let value = owner[name]
    if value == .null { return [] }
    guard let elements = value.elements else { throw PushRefusal(400, "'\(name)' is not an array") }
    return elements
  }

  // MARK: Responses

  /// The response to a request that was taken, wholly or in part.
  static func response(rejected: Int, problem: String) -> [UInt8] {
    guard rejected > 0 else { return encoded([:]) }
    // 64-bit numbers are texts in protobuf's JSON.
    return encoded(["partialSuccess": ["rejectedDataPoints": .string("\(rejected)"), "errorMessage": .string(problem)]])
  }

  /// The response to a request that was refused.
  static func failure(_ problem: String) -> [UInt8] { encoded(["message": .string(problem)]) }

  private static func encoded(_ document: JSONValue) -> [UInt8] {
    (try? JSONEncoder.stable.encode(document)).map(Array.init) ?? []
  }
}
