import KedastralNet

/// What to do with a reply.
enum ReplyVerdict: Equatable {
  /// It is the caller's result, even if it is an error.
  case answer
  /// The server cannot respond now; retry shortly.
  case later(String)
  /// This is the wrong server, or it no longer accepts us: reconnect, possibly to another server, and retry.
  case reconnect(String)
  /// The slot has moved to another node permanently.
  case moved(HashSlot, RemoteAddress)
  /// This key may already be on another node; redirect only this call.
  case ask(RemoteAddress)

  /// Classifies a reply of `source`.
  init(_ reply: RESPValue, from source: RemoteAddress?) {
    guard let error = reply.errorText else {
      self = .answer
      return
    }
    let text = Self.withoutScriptFrame(error)
    let words = text.split(separator: " ")
    switch words.first {
    case "LOADING", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "BUSY", "NOREPLICAS": self = .later(String(text))
    case "READONLY", "NOAUTH": self = .reconnect(String(text))
    case "MOVED":
      if let slot = words.dropFirst().first.flatMap({ Int($0) }).flatMap(HashSlot.init(number:)),
        let address = words.last.flatMap({ Self.address($0, source) })
      {
        self = .moved(slot, address)
      } else {
        self = .answer
      }
    case "ASK": self = words.last.flatMap { Self.address($0, source) }.map { .ask($0) } ?? .answer
    default: self = .answer
    }
  }

  /// The human-readable error: without the name of the script in which it happened.
  static func plainText(_ error: String) -> String {
    let text = withoutScriptFrame(error)
    return String(text.split(at: " script: ")?.0 ?? text)
  }

  /// Before version 7, errors inside scripts are wrapped: `ERR Error running script (…): @user_script:3: -READONLY
  /// …`.
  private static func withoutScriptFrame(_ error: String) -> Substring {
    guard error.hasPrefix("ERR Error running script") else { return error[...] }
    return error.split(at: ": -")?.1 ?? error[...]
  }

  /// `host:port`, where the host may be empty (the node that replied) or an IPv6 address without brackets.
  private static func address(_ text: Substring, _ source: RemoteAddress?) -> RemoteAddress? {
    guard let (host, port) = text.split(atLast: ":"), let number = UInt16(port), number > 0 else { return nil }
    guard let host = host.isEmpty || host == "?" ? source?.host : String(host) else { return nil }
    return .network(host: host, port: number)
  }
}
