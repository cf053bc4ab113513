import CExternalScaler

/// KEDA's messages as protobuf-c reads and writes them.
// Pointers here live as long as the call that makes them: unpacked messages are copied into Swift values and freed at once,
// strings are lent to a message while it is packed.
struct ExternalScalerCodec {
  private let arena = ProtobufArena()

  func reference(_ bytes: RawSpan) throws(GRPCStatus) -> ScaledObjectReference {
    let message = bytes.withUnsafeBytes {
      externalscaler__scaled_object_ref__unpack(arena.allocator, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let message else { throw Protobuf.malformed("externalscaler.ScaledObjectRef") }
    defer { externalscaler__scaled_object_ref__free_unpacked(message, arena.allocator) }
    return try reference(message)
  }

  func metricsRequest(_ bytes: RawSpan) throws(GRPCStatus) -> MetricsRequest {
    let message = bytes.withUnsafeBytes {
      externalscaler__get_metrics_request__unpack(arena.allocator, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let message else { throw Protobuf.malformed("externalscaler.GetMetricsRequest") }
    defer { externalscaler__get_metrics_request__free_unpacked(message, arena.allocator) }
    guard let object = message.pointee.scaledobjectref else {
      throw GRPCStatus(.invalidArgument, "the request has no scaledObjectRef")
    }
    return MetricsRequest(
      reference: try reference(object), metricName: try Protobuf.text(message.pointee.metricname))
  }

  private func reference(
    _ message: UnsafePointer<Externalscaler__ScaledObjectRef>
  ) throws(GRPCStatus) -> ScaledObjectReference {
    var reference = ScaledObjectReference(
      name: try Protobuf.text(message.pointee.name), namespace: try Protobuf.text(message.pointee.namespace_))
    reference.metadata.reserveCapacity(message.pointee.n_scalermetadata)
    for index in 0..<message.pointee.n_scalermetadata {
      guard let entry = message.pointee.scalermetadata[index] else { continue }
      reference.metadata.append(try Protobuf.text(entry.pointee.key), try Protobuf.text(entry.pointee.value))
    }
    return reference
  }

  static func append(isActive: Bool, to output: inout [UInt8]) {
    var response = Externalscaler__IsActiveResponse()
    externalscaler__is_active_response__init(&response)
    response.result = isActive ? 1 : 0
    let size = externalscaler__is_active_response__get_packed_size(&response)
    Protobuf.append(size, to: &output) { externalscaler__is_active_response__pack(&response, $0) }
  }

  static func append(metric name: String, target: Double, to output: inout [UInt8]) {
    name.withCString { name in
      var spec = Externalscaler__MetricSpec()
      externalscaler__metric_spec__init(&spec)
      spec.metricname = UnsafeMutablePointer(mutating: name)
      spec.targetsize = Protobuf.roundedUp(target)
      spec.targetsizefloat = target
      withUnsafeMutablePointer(to: &spec) { pointer in
        var list: UnsafeMutablePointer<Externalscaler__MetricSpec>? = pointer
        withUnsafeMutablePointer(to: &list) { list in
          var response = Externalscaler__GetMetricSpecResponse()
          externalscaler__get_metric_spec_response__init(&response)
          response.n_metricspecs = 1
          response.metricspecs = list
          let size = externalscaler__get_metric_spec_response__get_packed_size(&response)
          Protobuf.append(size, to: &output) { externalscaler__get_metric_spec_response__pack(&response, $0) }
        }
      }
    }
  }

  static func append(metric name: String, value: Double, to output: inout [UInt8]) {
    name.withCString { name in
      var metric = Externalscaler__MetricValue()
      externalscaler__metric_value__init(&metric)
      metric.metricname = UnsafeMutablePointer(mutating: name)
      metric.metricvalue = Protobuf.roundedUp(value)
      metric.metricvaluefloat = value
      withUnsafeMutablePointer(to: &metric) { pointer in
        var list: UnsafeMutablePointer<Externalscaler__MetricValue>? = pointer
        withUnsafeMutablePointer(to: &list) { list in
          var response = Externalscaler__GetMetricsResponse()
          externalscaler__get_metrics_response__init(&response)
          response.n_metricvalues = 1
          response.metricvalues = list
          let size = externalscaler__get_metrics_response__get_packed_size(&response)
          Protobuf.append(size, to: &output) { externalscaler__get_metrics_response__pack(&response, $0) }
        }
      }
    }
  }
}
