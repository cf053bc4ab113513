/// A set of methods under one name, which a server answers.
///
/// A service is made on its event loop and lives there: its handlers run on the loop's thread, may touch the service's state
/// freely, and must not block. The server holds the service, so handlers need not.
package protocol GRPCService {
  /// The full name, such as `grpc.health.v1.Health`.
  var name: String { get }
  /// What it answers.
  var methods: [GRPCMethod] { get }
}

/// Header or trailer fields: names in lower case, values in printable ASCII.
package typealias GRPCFields = [(name: String, value: String)]

/// One method of a service.
package struct GRPCMethod {
  /// How calls are answered; requests are one encoded message each.
  package enum Handler {
    /// One request, one response: the handler appends the encoded message to the buffer, and adds trailers where a client
    /// may want to read more than the message has room for.
    case unary(
      (_ request: RawSpan, _ response: inout [UInt8], _ trailers: inout GRPCFields) throws(GRPCStatus) -> Void)
    /// One request, many responses: the handler keeps the call, sends on it and finishes it.
    case serverStreaming((_ request: RawSpan, _ call: GRPCCall) throws(GRPCStatus) -> Void)
    /// Many requests, each handed over as it arrives; the call ends well when the client has ended.
    case bidirectional((_ request: RawSpan, _ call: GRPCCall) throws(GRPCStatus) -> Void)
  }

  /// The method's name.
  package let name: String
  /// How calls are answered.
  package let handler: Handler

  /// Creates a method.
  package init(_ name: String, _ handler: Handler) {
    self.name = name
    self.handler = handler
  }
}

/// The methods of all services of a server, found by their path.
struct GRPCRegistry {
  /// A method with what the server keeps about it.
  final class Entry {
    let path: [UInt8]
    let handler: GRPCMethod.Handler
    let metrics: GRPCMetrics.Method

    init(path: [UInt8], handler: GRPCMethod.Handler, metrics: GRPCMetrics.Method) {
      self.path = path
      self.handler = handler
      self.metrics = metrics
    }
  }

  private var entriesByLength: [Int: [Entry]] = [:]

  init(_ services: [any GRPCService], metrics: GRPCMetrics) {
    for service in services {
      for method in service.methods {
        let path = Array("/\(service.name)/\(method.name)".utf8)
        let entry = Entry(path: path, handler: method.handler, metrics: metrics.method(method.name))
        entriesByLength[path.count, default: []].append(entry)
      }
    }
  }

  /// The method at `path`.
  func find(_ path: RawSpan) -> Entry? {
    guard let entries = entriesByLength[path.byteCount] else { return nil }
    for entry in entries where path.isEqual(to: entry.path) { return entry }
    return nil
  }
}
