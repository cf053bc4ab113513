/// Server reflection: a tool gets the services and their `.proto` files, so it needs no files.
///
/// Versions v1 and v1alpha differ only in their package, so two of these serve both.
final class ReflectionService: GRPCService {
  /// A client's request.
  enum Question {
    case fileNamed(String)
    case fileDefining(String)
    case services
    case extensions
    case nothing
  }

  /// The response.
  enum Answer {
    case file(descriptor: [UInt8])
    case services([String])
    case failure(GRPCStatus)
  }

  let name: String
  private let services: [String]
  private let files: [ProtoFile]

  /// The service's full name in a version of the protocol.
  static func name(version: String) -> String { "grpc.reflection.\(version).ServerReflection" }

  /// Creates the service for one version of the protocol, `v1` or `v1alpha`.
  init(version: String, services: [String], files: [ProtoFile]) {
    name = Self.name(version: version)
    self.services = services
    self.files = files
  }

  // The server owns the service, and its handlers end with it.
  private(set) lazy var methods: [GRPCMethod] = [
    GRPCMethod(
      "ServerReflectionInfo",
      .bidirectional { [unowned self] request, call throws(GRPCStatus) in
        let response = try ReflectionCodec.response(to: request, answer)
        call.send { $0 += response }
      })
  ]

  /// Answers a question.
  func answer(_ question: Question) -> Answer {
    switch question {
    case .services: return .services(services)
    case .fileNamed(let name):
      guard let file = files.first(where: { $0.name == name }) else { return .failure(notFound("file", name)) }
      return .file(descriptor: file.descriptor)
    case .fileDefining(let symbol):
      guard let file = files.first(where: { $0.symbols.contains(symbol) }) else {
        return .failure(notFound("symbol", symbol))
      }
      return .file(descriptor: file.descriptor)
    case .extensions: return .failure(GRPCStatus(.notFound, "this server has no extensions"))
    case .nothing: return .failure(GRPCStatus(.invalidArgument, "the reflection request is empty"))
    }
  }

  private func notFound(_ kind: String, _ name: String) -> GRPCStatus {
    GRPCStatus(.notFound, "unknown \(kind) '\(name.prefix(100))'")
  }
}
