import KedastralDaemon
import KedastralHTTP
import KedastralSources

/// A JSON-RPC 2.0 message from a client.
struct RPCMessage {
  /// The identifier for the response; nil for a notification, which has no response.
  let identifier: Identifier?
  let method: String
  let parameters: JSONValue

  /// A request's name.
  enum Identifier: Equatable {
    case number(Double)
    case text(String)
  }

  /// A failure with its JSON-RPC code.
  struct Failure: Error, Equatable {
    var code: Int
    var problem: String

    static func parse(_ problem: String) -> Failure { Failure(code: -32700, problem: problem) }
    static func request(_ problem: String) -> Failure { Failure(code: -32600, problem: problem) }
    static func method(_ name: String) -> Failure { Failure(code: -32601, problem: "unknown method '\(name)'") }
    static func parameters(_ problem: String) -> Failure { Failure(code: -32602, problem: problem) }
  }

  /// Parses one message; nil when it is a client's response, because the server sends no requests.
  init?(_ bytes: [UInt8]) throws(Failure) {
    let document: JSONValue
    do { document = try JSONValue(bytes) } catch { throw .parse("the message is not JSON: \(error)") }
    guard case .object(let members) = document else {
      throw .request("a message is one JSON object; batches are not part of the protocol")
    }
    guard document["jsonrpc"].text == "2.0" else { throw .request("'jsonrpc' is not \"2.0\"") }
    if members["method"] == nil, members["result"] != nil || members["error"] != nil { return nil }
    guard let method = document["method"].text else { throw .request("'method' is missing") }
    switch document["id"] {
    case .number(let number): identifier = .number(number)
    case .string(let text): identifier = .text(text)
    case .null where members["id"] == nil: identifier = nil
    default: throw .request("'id' is neither a number nor a string")
    }
    self.method = method
    parameters = document["params"]
  }

  /// The response to a request: `result` writes the result.
  static func answer(to identifier: Identifier?, _ result: (inout JSONText) -> Void) -> [UInt8] {
    envelope(identifier) { $0.member("result") { $0.object(result) } }
  }

  /// The response to a failed request.
  static func answer(to identifier: Identifier?, _ failure: Failure) -> [UInt8] {
    envelope(identifier) {
      $0.member("error") {
        $0.object {
          $0.member("code", Double(failure.code))
          $0.member("message", failure.problem)
        }
      }
    }
  }

  private static func envelope(_ identifier: Identifier?, _ content: (inout JSONText) -> Void) -> [UInt8] {
    var text = JSONText()
    text.object {
      $0.member("jsonrpc", "2.0")
      $0.member("id") {
        switch identifier {
        case .number(let number): $0.number(number)
        case .text(let text): $0.string(text)
        case nil: $0.number(nil)
        }
      }
      content(&$0)
    }
    return text.bytes
  }
}
