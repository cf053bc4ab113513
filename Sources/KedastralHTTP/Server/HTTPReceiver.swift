/// A route that receives data by POST. Its answers are computed on a thread beside the loop.
package struct HTTPReceiver: Sendable {
  /// Where data is posted to.
  package var path: String
  /// The token that senders must show; nil for the server's.
  package var token: BearerToken?
  /// How many bytes a body may have; nil while nothing is received, then no body is read.
  package var bodyLimit: @Sendable () -> Int?
  /// Answers a request.
  package var answer: @Sendable (HTTPRequest) -> HTTPResponse

  /// Describes a route.
  package init(
    path: String, token: BearerToken?, bodyLimit: @escaping @Sendable () -> Int?,
    answer: @escaping @Sendable (HTTPRequest) -> HTTPResponse
  ) {
    self.path = path
    self.token = token
    self.bodyLimit = bodyLimit
    self.answer = answer
  }
}
