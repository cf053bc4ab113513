import KedastralNet

/// What to do about a reply.
enum ReplyVerdict: Equatable {
  /// It is the caller's answer, be it a refusal.
  case answer
  /// The server cannot now; ask again a little later.
  case later(String)
  /// This server is the wrong one, or does not know us any more: connect anew, perhaps elsewhere, and ask again.
  case reconnect(String)
  /// The slot is at another node for good.
  case moved(HashSlot, RemoteAddress)
  /// This key may be at another node already; only this once.
  case ask(RemoteAddress)

  /// Judges a reply of `source`.
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

  /// An error as a person wants to read it: without the name of the script in which it happened.
  static func plainText(_ error: String) -> String {
    let text = withoutScriptFrame(error)
    return String(text.split(at: " script: ")?.0 ?? text)
  }

  /// Before version 7, an error inside a script comes wrapped: `ERR Error running script (…): @user_script:3: -READONLY …`.
  private static func withoutScriptFrame(_ error: String) -> Substring {
    guard error.hasPrefix("ERR Error running script") else { return error[...] }
    return error.split(at: ": -")?.1 ?? error[...]
  }

  /// `host:port`, where the host may be empty (the same as the one that answered) or an IPv6 address without brackets.
  private static func address(_ text: Substring, _ source: RemoteAddress?) -> RemoteAddress? {
    guard let (host, port) = text.split(atLast: ":"), let number = UInt16(port), number > 0 else { return nil }
    guard let host = host.isEmpty || host == "?" ? source?.host : String(host) else { return nil }
    return .network(host: host, port: number)
  }
}
