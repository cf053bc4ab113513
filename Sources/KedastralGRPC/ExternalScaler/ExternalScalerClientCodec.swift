import CExternalScaler
import Glibc

/// KEDA's messages as a client needs them, written and read by protobuf-c.
// Pointers here live as long as the call that makes them: texts are copied for a request and freed once it is packed,
// unpacked answers are copied into Swift values and freed at once.
enum ExternalScalerClientCodec {
  // MARK: Requests

  static func encode(_ object: ScaledObjectReference) -> [UInt8] {
    var output: [UInt8] = []
    withMessage(of: object) { message in
      let size = externalscaler__scaled_object_ref__get_packed_size(message)
      Protobuf.append(size, to: &output) { externalscaler__scaled_object_ref__pack(message, $0) }
    }
    return output
  }

  static func encode(_ object: ScaledObjectReference, metric: String) -> [UInt8] {
    var output: [UInt8] = []
    let name = strdup(metric)
    defer { free(name) }
    withMessage(of: object) { reference in
      var request = Externalscaler__GetMetricsRequest()
      externalscaler__get_metrics_request__init(&request)
      request.scaledobjectref = reference
      request.metricname = name
      let size = externalscaler__get_metrics_request__get_packed_size(&request)
      Protobuf.append(size, to: &output) { externalscaler__get_metrics_request__pack(&request, $0) }
    }
    return output
  }

  private typealias Entry = Externalscaler__ScaledObjectRef__ScalerMetadataEntry

  private static func withMessage(
    of object: ScaledObjectReference, _ body: (UnsafeMutablePointer<Externalscaler__ScaledObjectRef>) -> Void
  ) {
    var texts: [UnsafeMutablePointer<CChar>?] = []
    defer { for text in texts { free(text) } }
    func copy(_ text: String) -> UnsafeMutablePointer<CChar>? {
      texts.append(strdup(text))
      return texts.last ?? nil
    }
    var entries = object.metadata.entries.map { given in
      var entry = Entry()
      externalscaler__scaled_object_ref__scaler_metadata_entry__init(&entry)
      entry.key = copy(given.key)
      entry.value = copy(given.value)
      return entry
    }
    var message = Externalscaler__ScaledObjectRef()
    externalscaler__scaled_object_ref__init(&message)
    message.name = copy(object.name)
    message.namespace_ = copy(object.namespace)
    message.n_scalermetadata = entries.count
    entries.withUnsafeMutableBufferPointer { entries in
      let base = entries.baseAddress
      var pointers = entries.indices.map { index in base.map { $0 + index } }
      pointers.withUnsafeMutableBufferPointer { pointers in
        message.scalermetadata = pointers.baseAddress
        body(&message)
      }
    }
  }

  // MARK: Answers

  static func isActive(_ bytes: RawSpan) throws(GRPCStatus) -> Bool {
    let message = bytes.withUnsafeBytes {
      externalscaler__is_active_response__unpack(nil, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let message else { throw malformed("IsActiveResponse") }
    defer { externalscaler__is_active_response__free_unpacked(message, nil) }
    return message.pointee.result != 0
  }

  static func specs(_ bytes: RawSpan) throws(GRPCStatus) -> [MetricSpec] {
    let message = bytes.withUnsafeBytes {
      externalscaler__get_metric_spec_response__unpack(nil, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let message else { throw malformed("GetMetricSpecResponse") }
    defer { externalscaler__get_metric_spec_response__free_unpacked(message, nil) }
    return (0..<message.pointee.n_metricspecs).compactMap { index in
      message.pointee.metricspecs[index].map {
        MetricSpec(
          name: text($0.pointee.metricname), target: number($0.pointee.targetsizefloat, $0.pointee.targetsize))
      }
    }
  }

  static func values(_ bytes: RawSpan) throws(GRPCStatus) -> [MetricValue] {
    let message = bytes.withUnsafeBytes {
      externalscaler__get_metrics_response__unpack(nil, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let message else { throw malformed("GetMetricsResponse") }
    defer { externalscaler__get_metrics_response__free_unpacked(message, nil) }
    return (0..<message.pointee.n_metricvalues).compactMap { index in
      message.pointee.metricvalues[index].map {
        MetricValue(
          name: text($0.pointee.metricname), value: number($0.pointee.metricvaluefloat, $0.pointee.metricvalue))
      }
    }
  }

  /// KEDA's rule: the floating-point field when it is above 0, else the integer of older scalers.
  private static func number(_ float: Double, _ integer: Int64) -> Double { float > 0 ? float : Double(integer) }

  private static func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

  private static func malformed(_ message: String) -> GRPCStatus {
    GRPCStatus(.internal, "the response is not a protobuf message of type externalscaler.\(message)")
  }
}
