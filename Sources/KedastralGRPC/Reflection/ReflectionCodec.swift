import CExternalScaler
import Glibc

/// The reflection protocol's messages as protobuf-c reads and writes them.
// Pointers here live as long as the call that makes them; the unpacked request is freed behind the packed response, which
// repeats it.
enum ReflectionCodec {
  /// The project's `.proto` files.
  static let files: [ProtoFile] = [
    file(proto_descriptor_externalscaler_data(), proto_descriptor_externalscaler_length),
    file(proto_descriptor_health_data(), proto_descriptor_health_length),
    file(proto_descriptor_reflection_v1_data(), proto_descriptor_reflection_v1_length),
    file(proto_descriptor_reflection_v1alpha_data(), proto_descriptor_reflection_v1alpha_length),
  ]

  private static func file(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> ProtoFile {
    ProtoFile(descriptor: Array(UnsafeBufferPointer(start: bytes, count: count)))
  }

  /// Reads a request, has it answered, and encodes the response.
  static func response(
    to bytes: RawSpan, _ answer: (ReflectionService.Question) -> ReflectionService.Answer
  ) throws(GRPCStatus) -> [UInt8] {
    let request = bytes.withUnsafeBytes {
      grpc__reflection__v1__server_reflection_request__unpack(
        nil, $0.count, $0.bindMemory(to: UInt8.self).baseAddress)
    }
    guard let request else { throw Protobuf.malformed("grpc.reflection.v1.ServerReflectionRequest") }
    defer { grpc__reflection__v1__server_reflection_request__free_unpacked(request, nil) }
    let question = try question(request)
    var response = Grpc__Reflection__V1__ServerReflectionResponse()
    grpc__reflection__v1__server_reflection_response__init(&response)
    response.valid_host = request.pointee.host
    response.original_request = request
    switch answer(question) {
    case .file(let descriptor): return pack(&response, file: descriptor)
    case .services(let names): return pack(&response, services: names)
    case .failure(let status): return pack(&response, failure: status)
    }
  }

  private static func question(
    _ request: UnsafePointer<Grpc__Reflection__V1__ServerReflectionRequest>
  ) throws(GRPCStatus) -> ReflectionService.Question {
    switch request.pointee.message_request_case.rawValue {
    case 3: return .fileNamed(try Protobuf.text(request.pointee.file_by_filename))
    case 4: return .fileDefining(try Protobuf.text(request.pointee.file_containing_symbol))
    case 5, 6: return .extensions
    case 7: return .services
    default: return .nothing
    }
  }

  private static func pack(
    _ response: inout Grpc__Reflection__V1__ServerReflectionResponse, file descriptor: [UInt8]
  ) -> [UInt8] {
    var descriptor = descriptor
    return descriptor.withUnsafeMutableBufferPointer { bytes in
      var data = ProtobufCBinaryData(len: bytes.count, data: bytes.baseAddress)
      return withUnsafeMutablePointer(to: &data) { data in
        var content = Grpc__Reflection__V1__FileDescriptorResponse()
        grpc__reflection__v1__file_descriptor_response__init(&content)
        content.n_file_descriptor_proto = 1
        content.file_descriptor_proto = data
        return withUnsafeMutablePointer(to: &content) { content in
          response.message_response_case = .init(rawValue: 4)
          response.file_descriptor_response = content
          return pack(&response)
        }
      }
    }
  }

  private static func pack(
    _ response: inout Grpc__Reflection__V1__ServerReflectionResponse, services names: [String]
  ) -> [UInt8] {
    let count = names.count
    let services = UnsafeMutablePointer<Grpc__Reflection__V1__ServiceResponse>.allocate(capacity: count)
    let list = UnsafeMutablePointer<UnsafeMutablePointer<Grpc__Reflection__V1__ServiceResponse>?>.allocate(
      capacity: count)
    for (index, name) in names.enumerated() {
      services[index] = Grpc__Reflection__V1__ServiceResponse()
      grpc__reflection__v1__service_response__init(services + index)
      services[index].name = strdup(name)
      list[index] = services + index
    }
    defer {
      for index in 0..<count { free(services[index].name) }
      services.deallocate()
      list.deallocate()
    }
    var content = Grpc__Reflection__V1__ListServiceResponse()
    grpc__reflection__v1__list_service_response__init(&content)
    content.n_service = count
    content.service = list
    return withUnsafeMutablePointer(to: &content) { content in
      response.message_response_case = .init(rawValue: 6)
      response.list_services_response = content
      return pack(&response)
    }
  }

  private static func pack(
    _ response: inout Grpc__Reflection__V1__ServerReflectionResponse, failure: GRPCStatus
  ) -> [UInt8] {
    failure.message.withCString { message in
      var content = Grpc__Reflection__V1__ErrorResponse()
      grpc__reflection__v1__error_response__init(&content)
      content.error_code = Int32(failure.code.rawValue)
      content.error_message = UnsafeMutablePointer(mutating: message)
      return withUnsafeMutablePointer(to: &content) { content in
        response.message_response_case = .init(rawValue: 7)
        response.error_response = content
        return pack(&response)
      }
    }
  }

  private static func pack(_ response: inout Grpc__Reflection__V1__ServerReflectionResponse) -> [UInt8] {
    var output: [UInt8] = []
    let size = grpc__reflection__v1__server_reflection_response__get_packed_size(&response)
    Protobuf.append(size, to: &output) { grpc__reflection__v1__server_reflection_response__pack(&response, $0) }
    return output
  }
}
