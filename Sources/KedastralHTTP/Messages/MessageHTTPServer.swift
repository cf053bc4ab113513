import KedastralCore
import KedastralNet

/// Takes JSON-RPC messages over HTTP as the Model Context Protocol's streamable transport has it: a POST for each message,
/// answered by one JSON document, or by 202 where there is nothing to say.
///
/// Web pages of others are turned away by their Origin, so that no page can talk to a server on its reader's machine.
package final class MessageHTTPServer: Sendable {
  /// How many bytes a message may have.
  package static let maximumMessageBytes = 1 << 20

  /// The address in use.
  package var address: ListenAddress { service.address }

  private let service: HTTPService

  /// Starts to listen on `loop`.
  ///
  /// - Parameters:
  ///   - path: where messages are posted to.
  ///   - versions: the versions of the protocol that a client may name in `MCP-Protocol-Version`.
  ///   - origins: allowed origins of web pages, in addition to those of this machine.
  ///   - answer: answers a message; nil when it needs no response.
  /// - Throws: `Listener.ListenError` when the address cannot be listened on.
  package init(
    _ settings: HTTPServerSettings, on loop: EventLoop, path: String, versions: [String], origins: [String],
    answer: @escaping @Sendable ([UInt8]) async -> [UInt8]?
  ) async throws {
    service = try await HTTPService(settings, on: loop, metrics: nil, logger: .silent) {
      var router = HTTPRouter()
      router.post(path, limit: Self.maximumMessageBytes) { request in
        if let origin = request.origin, !Self.isAllowed(origin, origins) {
          return .now(.failure(403, "requests from pages of '\(origin.prefix(100))' are not allowed"))
        }
        if let version = request.protocolVersion, !versions.contains(version) {
          return .now(
            .failure(
              400,
              "unsupported protocol version '\(version.prefix(40))'; supported versions: \(versions.joined(separator: ", "))"
            ))
        }
        return .later {
          guard let answer = await answer(request.body) else {
            return HTTPResponse(status: 202, type: "application/json", body: [])
          }
          return .json(answer)
        }
      }
      return router
    }
  }

  /// Stops accepting, lets the answers in flight leave, and closes all connections at the latest after `limit`.
  package func shutdown(within limit: Duration) async { await service.shutdown(within: limit) }

  /// Whether requests from pages of `origin` are allowed: those of this machine, and configured ones.
  static func isAllowed(_ origin: String, _ allowed: [String]) -> Bool {
    if allowed.contains(origin) { return true }
    let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, ["http:", "https:"].contains(parts[0]), parts[1].isEmpty else { return false }
    let host = parts[2].hasPrefix("[") ? parts[2].prefix { $0 != "]" } + "]" : parts[2].prefix { $0 != ":" }
    return ["localhost", "127.0.0.1", "[::1]"].contains(host)
  }
}
