import CExternalScaler

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
