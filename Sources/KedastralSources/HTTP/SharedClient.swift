import KedastralNet

extension HTTPClient {
  /// The client of sources and models that are made of a URL alone; it has an event loop of its own.
  private static let sharedOutcome = Result { try HTTPClient(on: EventLoop()) }

  static func shared() throws -> HTTPClient { try sharedOutcome.get() }
}
