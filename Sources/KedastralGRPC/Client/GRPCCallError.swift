/// Why a call failed: the request and the response in one line, suitable for logs.
package struct GRPCCallError: Error, Equatable, CustomStringConvertible {
  /// The server's address.
  package let address: String
  /// The method's name, such as `GetMetrics`.
  package let method: String
  /// The status: the server's, or the one that gRPC has for what happened on the way.
  package let status: GRPCStatus

  /// The status code's name, such as `NOT_FOUND`.
  package var code: String { status.code.name }
  /// What the server said, or what happened.
  package var message: String { status.message }

  package var description: String {
    let line = status.description.split(whereSeparator: \.isNewline).joined(separator: " ")
    return "\(address): \(method): \(line)"
  }
}
