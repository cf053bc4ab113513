import KedastralCore
import KedastralDaemon
import KedastralHTTP
import KedastralSources

/// The Model Context Protocol: offers tools to an assistant, over any transport of messages.
///
/// The server is stateless, so any number of clients may share it. All tools are read-only.
struct MCPServer: Sendable {
  /// The supported protocol versions, newest first.
  static let versions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]

  private static let instructions = """
    Kedastral forecasts the load of workloads on Kubernetes and plans their replicas. list_workloads returns the names; \
    get_forecast a forecast with its plan; explain_decision the reasons for the planned replicas; what_if the plan under other \
    settings, without changing anything; backtest the accuracy of models on a workload's recent load.
    """

  private let tools: [MCPTool]

  init(_ tools: [MCPTool]) { self.tools = tools }

  /// Handles one message; nil when it needs no response.
  func answer(_ bytes: [UInt8]) async -> [UInt8]? {
    var identifier: RPCMessage.Identifier?
    do throws(RPCMessage.Failure) {
      guard let message = try RPCMessage(bytes) else { return nil }
      identifier = message.identifier
      return try await answer(message)
    } catch {
      return RPCMessage.answer(to: identifier, error)
    }
  }

  private func answer(_ message: RPCMessage) async throws(RPCMessage.Failure) -> [UInt8]? {
    // A stateless server ignores notifications.
    guard let identifier = message.identifier else { return nil }
    switch message.method {
    case "initialize": return RPCMessage.answer(to: identifier) { welcome(message.parameters, &$0) }
    case "ping": return RPCMessage.answer(to: identifier) { _ in }
    case "tools/list":
      return RPCMessage.answer(to: identifier) { [tools] in
        $0.member("tools") { $0.array(tools) { $1.describe(to: &$0) } }
      }
    case "tools/call":
      let name = message.parameters["name"].text ?? ""
      guard let tool = tools.first(where: { $0.name == name }) else {
        throw .parameters("unknown tool '\(name)'; the tools are \(tools.map(\.name).joined(separator: ", "))")
      }
      return await call(tool, message.parameters["arguments"], identifier)
    default: throw .method(message.method)
    }
  }

  private func welcome(_ parameters: JSONValue, _ text: inout JSONText) {
    let wanted = parameters["protocolVersion"].text ?? ""
    text.member("protocolVersion", Self.versions.contains(wanted) ? wanted : Self.versions[0])
    text.member("capabilities") { $0.object { $0.member("tools") { $0.object { _ in } } } }
    text.member("serverInfo") {
      $0.object {
        $0.member("name", "kedastral")
        $0.member("title", "Kedastral")
        $0.member("version", Program.version)
      }
    }
    text.member("instructions", Self.instructions)
  }

  /// A failing tool returns its error to the assistant; this is not a protocol error.
  private func call(_ tool: MCPTool, _ arguments: JSONValue, _ identifier: RPCMessage.Identifier) async -> [UInt8] {
    let result: Result<[UInt8], any Error>
    do {
      result = .success(try await tool.run(try MCPArguments(arguments, for: tool)))
    } catch {
      result = .failure(error)
    }
    return RPCMessage.answer(to: identifier) { text in
      switch result {
      case .success(let document):
        Self.content(String(decoding: document, as: UTF8.self), &text)
        text.member("structuredContent") { $0.json(document) }
        text.member("isError", false)
      case .failure(let error):
        Self.content("\(error)", &text)
        text.member("isError", true)
      }
    }
  }

  private static func content(_ words: String, _ text: inout JSONText) {
    text.member("content") {
      $0.array(CollectionOfOne(words)) { item, words in
        item.object {
          $0.member("type", "text")
          $0.member("text", words)
        }
      }
    }
  }
}
