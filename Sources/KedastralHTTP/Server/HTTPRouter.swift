/// Which handler answers which path. All routes are GET, and HEAD with it.
///
/// Handlers run on the loop's thread, one at a time, and must not block it: what waits for others is answered `later`.
package struct HTTPRouter {
  /// How a request is answered.
  package enum Answer {
    /// With this, at once.
    case now(HTTPResponse)
    /// With what the closure returns; it runs off the loop and has a deadline.
    case later(@Sendable () async -> HTTPResponse)
    /// With a stream of events, until either side ends it.
    case events((EventStream) -> Void)
  }

  /// What answers a request.
  package typealias Handler = (HTTPRequest) -> Answer

  /// What is found for a request.
  package enum Match {
    /// A handler, and whether it answers everybody.
    case handler(Handler, isOpen: Bool)
    /// No such path.
    case unknownPath
    /// The path takes other methods.
    case wrongMethod(allowed: String)
  }

  private var routes: [String: (handler: Handler, isOpen: Bool)] = [:]

  /// Creates a router without routes.
  package init() {}

  /// Adds a route.
  ///
  /// - Parameter isOpen: whether it answers without the bearer token, where one is asked for.
  package mutating func get(_ path: String, isOpen: Bool = false, _ handler: @escaping Handler) {
    routes[path] = (handler, isOpen)
  }

  /// Whether a path has a route.
  func has(_ path: String) -> Bool { routes[path] != nil }

  /// Finds what answers a request.
  package func match(_ request: HTTPRequest) -> Match {
    guard let route = routes[request.path] else { return .unknownPath }
    guard ["GET", "HEAD"].contains(request.method) else { return .wrongMethod(allowed: "GET, HEAD") }
    return .handler(route.handler, isOpen: route.isOpen)
  }
}
