/// Which handler answers which path. A route is either GET, and HEAD with it, or POST.
///
/// Handlers run on the loop's thread, one at a time, and must not block it: what waits for others is answered `later`.
package struct HTTPRouter {
  /// How a request is answered.
  package enum Answer {
    /// With this, at once.
    case now(HTTPResponse)
    /// With what the closure returns; it runs off the loop and has a deadline.
    case later(@Sendable () async -> HTTPResponse)
    /// With what the closure computes on a thread beside the loop and Swift's pool: soon, however busy these are.
    case aside(@Sendable () -> HTTPResponse)
    /// With a stream of events, until either side ends it.
    case events((EventStream) -> Void)
  }

  /// What answers a request.
  package typealias Handler = (HTTPRequest) -> Answer

  /// What is found for a request.
  package enum Match {
    /// A handler, whom it answers, and the path of its route, under which requests are counted.
    case handler(Handler, Access, route: String)
    /// No such path.
    case unknownPath
    /// The path takes other methods.
    case wrongMethod(allowed: String)
  }

  /// Whom a route answers.
  package enum Access: Sendable {
    /// Everybody.
    case open
    /// Who shows the server's token, and its certificate where one is demanded.
    case closed
    /// The same with a token of the route's own.
    case token(BearerToken)
  }

  private struct Route {
    var methods: [String]
    var handler: Handler
    var access = Access.closed
    /// How many bytes a request's body may have; nil when none is read.
    var bodyLimit: () -> Int? = { nil }
  }

  private var routes: [String: Route] = [:]
  /// The routes of all paths that begin with a text.
  private var trees: [(prefix: String, route: Route)] = []

  /// Creates a router without routes.
  package init() {}

  /// Adds a route.
  /// - Parameter isOpen: whether it answers without the bearer token, if one is required.
  package mutating func get(_ path: String, isOpen: Bool = false, _ handler: @escaping Handler) {
    routes[path] = Route(methods: ["GET", "HEAD"], handler: handler, access: isOpen ? .open : .closed)
  }

  /// Adds a route for all paths that begin with `prefix` and have no route of their own.
  package mutating func getAll(under prefix: String, _ handler: @escaping Handler) {
    trees.append((prefix, Route(methods: ["GET", "HEAD"], handler: handler)))
  }

  /// Adds a route whose requests have a body of `limit` bytes at most.
  package mutating func post(_ path: String, limit: Int, _ handler: @escaping Handler) {
    routes[path] = Route(methods: ["POST"], handler: handler, bodyLimit: { limit })
  }

  /// Adds a route that receives data.
  package mutating func add(_ receiver: HTTPReceiver) {
    routes[receiver.path] = Route(
      methods: ["POST"], handler: { request in .aside { receiver.answer(request) } },
      access: receiver.token.map { .token($0) } ?? .closed, bodyLimit: receiver.bodyLimit)
  }

  /// How many bytes the body of a request may have; nil when its route reads none.
  func bodyLimit(of request: HTTPRequest) -> Int? {
    route(of: request).flatMap { $0.route.methods.contains(request.method) ? $0.route.bodyLimit() : nil }
  }

  /// Whether a path has a route.
  func has(_ path: String) -> Bool { routes[path] != nil }

  /// The path of a request's route, under which requests are counted.
  func path(of request: HTTPRequest) -> String? { route(of: request)?.path }

  private func route(of request: HTTPRequest) -> (path: String, route: Route)? {
    if let route = routes[request.path] { return (request.path, route) }
    return trees.first { request.path.hasPrefix($0.prefix) }.map { ($0.prefix, $0.route) }
  }

  /// Finds what answers a request.
  package func match(_ request: HTTPRequest) -> Match {
    guard let (path, route) = route(of: request) else { return .unknownPath }
    guard route.methods.contains(request.method) else {
      return .wrongMethod(allowed: route.methods.joined(separator: ", "))
    }
    return .handler(route.handler, route.access, route: path)
  }
}
