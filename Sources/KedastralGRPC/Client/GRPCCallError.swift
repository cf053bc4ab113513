/// Why a call failed: the request and the response in one line, suitable for logs.
public struct GRPCCallError: Error, Equatable, CustomStringConvertible {
  /// The server's address.
  public let address: String
  /// The method's name, such as `GetMetrics`.
  public let method: String
  /// The status: the server's, or the one that gRPC has for what happened on the way.
  package let status: GRPCStatus

  /// The status code's name, such as `NOT_FOUND`.
  public var code: String { status.code.name }
  /// What the server said, or what happened.
  public var message: String { status.message }

  public var description: String {
    let line = status.description.split(whereSeparator: \.isNewline).joined(separator: " ")
    return "\(address): \(method): \(line)"
  }
}
