import KedastralHTTP
import KedastralSources

extension HTTPReceiver {
  /// The routes to which senders push points.
  ///
  /// - Throws: the problem with the token's file.
  static func receivers(_ receiver: PushReceiver, tokenFile: String?) throws -> [HTTPReceiver] {
    let token = try tokenFile.map { try BearerToken(file: $0) }
    return PushProtocol.allCases.map { origin in
      HTTPReceiver(path: origin.path, token: token, bodyLimit: { receiver.bodyLimit(origin) }) { request in
        let reply = receiver.answer(
          PushReceiver.Message(
            contentType: request.contentType, contentEncoding: request.contentEncoding,
            version: request.remoteWriteVersion, body: request.body),
          from: origin)
        return .init(status: reply.status, type: reply.contentType, body: reply.body)
      }
    }
  }
}
