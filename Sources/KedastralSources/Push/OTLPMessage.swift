import CExternalScaler
import Glibc

/// Requests and responses of OTLP as protobuf, read and written by protobuf-c.
// Pointers here live as long as the call that makes them: an unpacked message is copied into Swift values and freed at once.
package enum OTLPMessage {
  /// The points of a request.
  ///
  /// - Parameters:
  ///   - limit: the number of points that it may have.
  ///   - isWanted: whether a workload selects a metric.
  /// - Throws: ``PushRefusal`` for bytes that are not such a message, and for one that is too large.
  package static func batch(
    _ bytes: [UInt8], limit: Int, isWanted: (String) -> Bool
  ) throws(PushRefusal) -> PushBatch {
    var batch = PushBatch(limit: limit)
    try UnpackedMessage.read(bytes, as: "ExportMetricsServiceRequest") { allocator, count, data in
      otlp__export_request__unpack(allocator, count, data)
    } free: { message, allocator in
      otlp__export_request__free_unpacked(message, allocator)
    } body: { (message: Otlp__ExportRequest) throws(PushRefusal) in
      for index in 0..<message.n_resource_metrics {
        guard let resource = message.resource_metrics[index]?.pointee else { continue }
        try add(resource, to: &batch, isWanted: isWanted)
      }
    }
    return batch
  }

  private static func add(
    _ resource: Otlp__ResourceMetrics, to batch: inout PushBatch, isWanted: (String) -> Bool
  ) throws(PushRefusal) {
    // Read when the first wanted metric comes.
    var attributes: [String: String]?
    for scope in 0..<resource.n_scope_metrics {
      guard let scope = resource.scope_metrics[scope]?.pointee else { continue }
      for metric in 0..<scope.n_metrics {
        guard let metric = scope.metrics[metric]?.pointee else { continue }
        let name = try text(metric.name)
        let data = Data(metric)
        guard isWanted(name) else {
          try batch.skip(data.count)
          continue
        }
        guard let points = data.points else {
          try batch.reject(data.count, .kind)
          continue
        }
        if attributes == nil, let resource = resource.resource?.pointee {
          attributes = try pairs(resource.attributes, resource.n_attributes)
        }
        let reader = OTLPMetric(name: name, kind: data.kind)
        for index in 0..<data.count {
          guard let point = points[index]?.pointee else { continue }
          try reader.add(try read(point), of: attributes ?? [:], to: &batch)
        }
      }
    }
  }

  /// What a metric has, whatever its kind.
  private struct Data {
    var kind = OTLPMetric.Kind.other
    var points: UnsafeMutablePointer<UnsafeMutablePointer<Otlp__NumberDataPoint>?>?
    var count = 0

    init(_ metric: Otlp__Metric) {
      switch metric.data_case {
      case OTLP__METRIC__DATA_GAUGE:
        guard let gauge = metric.gauge?.pointee else { return }
        (kind, points, count) = (.gauge, gauge.data_points, gauge.n_data_points)
      case OTLP__METRIC__DATA_SUM:
        guard let sum = metric.sum?.pointee else { return }
        kind = .sum(temporality: Int(sum.aggregation_temporality), isMonotonic: sum.is_monotonic != 0)
        (points, count) = (sum.data_points, sum.n_data_points)
      case OTLP__METRIC__DATA_HISTOGRAM: count = metric.histogram?.pointee.n_data_points ?? 0
      case OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
        count = metric.exponential_histogram?.pointee.n_data_points ?? 0
      case OTLP__METRIC__DATA_SUMMARY: count = metric.summary?.pointee.n_data_points ?? 0
      default: break
      }
    }
  }

  private static func read(_ point: Otlp__NumberDataPoint) throws(PushRefusal) -> OTLPMetric.Point {
    let value: Double? =
      switch point.value_case {
      case OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE: point.as_double
      case OTLP__NUMBER_DATA_POINT__VALUE_AS_INT: Double(point.as_int)
      default: nil
      }
    return OTLPMetric.Point(
      start: Double(point.start_time_unix_nano) / 1e9, instant: Double(point.time_unix_nano) / 1e9, value: value,
      isWithoutValue: point.flags & 1 != 0, attributes: try pairs(point.attributes, point.n_attributes))
  }

  private static func pairs(
    _ attributes: UnsafeMutablePointer<UnsafeMutablePointer<Otlp__KeyValue>?>?, _ count: Int
  ) throws(PushRefusal) -> [String: String] {
    var pairs: [String: String] = [:]
    for index in 0..<count {
      guard let attribute = attributes?[index]?.pointee, let value = attribute.value?.pointee else { continue }
      switch value.value_case {
      case OTLP__ANY_VALUE__VALUE_STRING_VALUE: pairs[try text(attribute.key)] = try text(value.string_value)
      case OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
        pairs[try text(attribute.key)] = value.bool_value != 0 ? "true" : "false"
      case OTLP__ANY_VALUE__VALUE_INT_VALUE: pairs[try text(attribute.key)] = "\(value.int_value)"
      case OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE: pairs[try text(attribute.key)] = "\(value.double_value)"
      default: break
      }
    }
    return pairs
  }

  private static func text(_ pointer: UnsafePointer<CChar>?) throws(PushRefusal) -> String {
    try UnpackedMessage.text(pointer)
  }

  // MARK: Responses

  /// The response to a request that was taken, wholly or in part.
  static func response(rejected: Int, problem: String) -> [UInt8] {
    guard rejected > 0 else { return [] }
    let text = strdup(problem)
    defer { free(text) }
    var partial = Otlp__PartialSuccess()
    otlp__partial_success__init(&partial)
    partial.rejected_data_points = Int64(rejected)
    partial.error_message = text
    return withUnsafeMutablePointer(to: &partial) { partial in
      var response = Otlp__ExportResponse()
      otlp__export_response__init(&response)
      response.partial_success = partial
      return UnpackedMessage.packed(otlp__export_response__get_packed_size(&response)) {
        otlp__export_response__pack(&response, $0)
      }
    }
  }

  /// The response to a request that was refused.
  static func failure(_ problem: String) -> [UInt8] {
    let text = strdup(problem)
    defer { free(text) }
    var status = Otlp__Status()
    otlp__status__init(&status)
    status.message = text
    return UnpackedMessage.packed(otlp__status__get_packed_size(&status)) { otlp__status__pack(&status, $0) }
  }
}
