import CExternalScaler

/// The gRPC health checking protocol: whether the server as a whole (`""`) and each of its services can serve.
///
/// All of them follow one readiness, which the host sets.
final class HealthService: GRPCService {
  /// The states of the protocol, by their numbers on the wire.
  enum ServingStatus: Int {
    case serving = 1
    case notServing = 2
    case serviceUnknown = 3
  }

  private struct Watch {
    let service: String
    let call: GRPCCall
    var told: ServingStatus
  }

  private let services: Set<String>
  private var isReady = false
  private var watches: [Int: Watch] = [:]
  private var nextIdentifier = 0

  /// Creates a service that knows the server as a whole and `services`.
  init(services: [String]) { self.services = Set(services + [""]) }

  let name = "grpc.health.v1.Health"

  // The server owns the service, and its handlers end with it.
  private(set) lazy var methods: [GRPCMethod] = [
    GRPCMethod(
      "Check",
      .unary { [unowned self] request, response, _ throws(GRPCStatus) in
        let service = try HealthCodec.service(request)
        guard let status = status(of: service) else {
          throw GRPCStatus(.notFound, "unknown service '\(service.prefix(100))'")
        }
        HealthCodec.append(status, to: &response)
      }),
    GRPCMethod(
      "Watch",
      .serverStreaming { [unowned self] request, call throws(GRPCStatus) in
        watch(try HealthCodec.service(request), on: call)
      }),
  ]

  /// Sets the readiness and notifies its watchers.
  func setReady(_ isReady: Bool) {
    self.isReady = isReady
    refreshWatches()
  }

  /// Sends the newest state to watchers that have not received it, except those that still read an older one.
  func refreshWatches() {
    for (identifier, watch) in watches where watch.call.pendingOutput == 0 {
      let status = status(of: watch.service) ?? .serviceUnknown
      guard status != watch.told else { continue }
      watches[identifier]?.told = status
      watch.call.send { HealthCodec.append(status, to: &$0) }
    }
  }

  private func status(of service: String) -> ServingStatus? {
    guard services.contains(service) else { return nil }
    return isReady ? .serving : .notServing
  }

  private func watch(_ service: String, on call: GRPCCall) {
    nextIdentifier += 1
    let identifier = nextIdentifier
    let status = status(of: service) ?? .serviceUnknown
    watches[identifier] = Watch(service: service, call: call, told: status)
    call.onClose = { [unowned self] in watches[identifier] = nil }
    call.send { HealthCodec.append(status, to: &$0) }
  }
}

/// The health protocol's messages as protobuf-c reads and writes them.
// Pointers here live as long as the call that makes them.
enum HealthCodec {
  static func service(_ bytes: RawSpan) throws(GRPCStatus) -> String {
    let message = bytes.withUnsafeBytes {
      grpc__health__v1__health_check_request__unpack(nil, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let message else { throw Protobuf.malformed("grpc.health.v1.HealthCheckRequest") }
    defer { grpc__health__v1__health_check_request__free_unpacked(message, nil) }
    return try Protobuf.text(message.pointee.service)
  }

  static func append(_ status: HealthService.ServingStatus, to output: inout [UInt8]) {
    var response = Grpc__Health__V1__HealthCheckResponse()
    grpc__health__v1__health_check_response__init(&response)
    response.status = .init(rawValue: UInt32(status.rawValue))
    let size = grpc__health__v1__health_check_response__get_packed_size(&response)
    Protobuf.append(size, to: &output) { grpc__health__v1__health_check_response__pack(&response, $0) }
  }
}
