import CExternalScaler
import Glibc

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The messages of KEDA's raw metrics, written and read by protobuf-c.
// Pointers here live as long as the call that makes them: texts are copied for a request and freed once it is packed,
// unpacked responses are copied into Swift values and freed at once.
package enum RawMetricsCodec {
  /// Times outside of the years 1970 to 9999 are not valid.
  private static let validSeconds: ClosedRange<Int64> = 0...253_402_300_799

  // MARK: Requests

  static func stream(subscriber: String) -> [UInt8] {
    var output: [UInt8] = []
    let name = strdup(subscriber)
    defer { free(name) }
    var request = Api__RawMetricsRequest()
    api__raw_metrics_request__init(&request)
    request.subscriber = name
    let size = api__raw_metrics_request__get_packed_size(&request)
    Protobuf.append(size, to: &output) { api__raw_metrics_request__pack(&request, $0) }
    return output
  }

  static func subscription(of trigger: ScalingTrigger, subscriber: String) -> [UInt8] {
    var output: [UInt8] = []
    let texts = [subscriber, trigger.object, trigger.namespace, trigger.name].map { (text: String) in strdup(text) }
    defer { for text in texts { free(text) } }
    var reference = Api__ScaledObjectRef()
    api__scaled_object_ref__init(&reference)
    (reference.name, reference.namespace_, reference.metricname) = (texts[1], texts[2], texts[3])
    withUnsafeMutablePointer(to: &reference) { reference in
      var request = Api__SubscriptionRequest()
      api__subscription_request__init(&request)
      request.subscriber = texts[0]
      request.metricmetadata = reference
      let size = api__subscription_request__get_packed_size(&request)
      Protobuf.append(size, to: &output) { api__subscription_request__pack(&request, $0) }
    }
    return output
  }

  // MARK: Responses

  /// Whether the subscription existed before the call.
  static func wasSubscribed(_ bytes: RawSpan) throws(GRPCStatus) -> Bool {
    let message = bytes.withUnsafeBytes {
      api__subscription_ack__unpack(nil, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let message else { throw malformed("SubscriptionAck") }
    defer { api__subscription_ack__free_unpacked(message, nil) }
    return message.pointee.wassubscribed != 0
  }

  /// The values of one message; those without a trigger are left out.
  package static func metrics(_ bytes: RawSpan) throws(GRPCStatus) -> [RawMetric] {
    let message = bytes.withUnsafeBytes {
      api__raw_metrics_response__unpack(nil, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let message else { throw malformed("RawMetricsResponse") }
    defer { api__raw_metrics_response__free_unpacked(message, nil) }
    var metrics: [RawMetric] = []
    for index in 0..<message.pointee.n_metrics {
      guard let metric = message.pointee.metrics[index]?.pointee, let reference = metric.metadata?.pointee else {
        continue
      }
      let trigger = ScalingTrigger(
        namespace: try text(reference.namespace_), object: try text(reference.name),
        name: try text(reference.metricname))
      metrics.append(RawMetric(trigger: trigger, value: metric.value, instant: instant(metric.timestamp)))
    }
    return metrics
  }

  private static func instant(_ timestamp: UnsafeMutablePointer<Api__Timestamp>?) -> Date? {
    guard let timestamp = timestamp?.pointee, validSeconds.contains(timestamp.seconds), timestamp.seconds > 0,
      (0..<1_000_000_000).contains(timestamp.nanos)
    else { return nil }
    return Date(timeIntervalSince1970: Double(timestamp.seconds) + Double(timestamp.nanos) / 1e9)
  }

  private static func text(_ pointer: UnsafePointer<CChar>?) throws(GRPCStatus) -> String {
    guard let pointer else { return "" }
    guard let text = String(validatingCString: pointer) else {
      throw GRPCStatus(.internal, "a text of RawMetricsResponse is not UTF-8")
    }
    return text
  }

  private static func malformed(_ message: String) -> GRPCStatus {
    GRPCStatus(.internal, "the response is not a protobuf message of type api.\(message)")
  }
}
