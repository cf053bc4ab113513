import Foundation
import KedastralCore
import KedastralSources
import TestSupport
import Testing

@testable import KedastralCommandLine
@testable import KedastralDaemon

@Suite("The Model Context Protocol")
struct MCPServerTests {
  private let server = MCPServer([
    MCPTool(
      name: "greet", title: "Greet", help: "Greets.",
      parameters: [
        .init(name: "who", kind: .text, help: "whom", isRequired: true),
        .init(name: "times", kind: .integer, help: "how often"),
        .init(name: "ways", kind: .texts, help: "how", values: ["warmly", "coldly"]),
      ]
    ) { arguments in
      let who = arguments.text("who") ?? ""
      if who == "nobody" { throw ForecastCommandFailure() }
      return Array(#"{"greeting":"hello \#(who)"}"#.utf8)
    }
  ])

  private struct ForecastCommandFailure: Error, CustomStringConvertible { let description = "nobody is there" }

  private func ask(_ message: String) async throws -> JSONValue? {
    try await server.answer(Array(message.utf8)).map { try JSONValue($0) }
  }

  private func request(_ method: String, _ parameters: String = "{}") async throws -> JSONValue {
    let answer = try await ask(#"{"jsonrpc":"2.0","id":7,"method":"\#(method)","params":\#(parameters)}"#)
    #expect(answer?["jsonrpc"].text == "2.0" && answer?["id"].number == 7)
    return try #require(answer)
  }

  @Test(
    "accepts a supported version, and offers the newest for any other",
    arguments: [("2025-06-18", "2025-06-18"), ("2024-11-05", "2024-11-05"), ("1999-01-01", MCPServer.versions[0])])
  func versions(asked: String, agreed: String) async throws {
    let result = try await request("initialize", #"{"protocolVersion":"\#(asked)"}"#)["result"]
    #expect(result["protocolVersion"].text == agreed)
    #expect(result["serverInfo"]["name"].text == "kedastral" && result["capabilities"]["tools"] == .object([:]))
  }

  @Test("describes tools by a schema, and marks them as read-only")
  func list() async throws {
    let tools = try #require(try await request("tools/list")["result"]["tools"].elements)
    let schema = tools[0]["inputSchema"]
    #expect(tools.count == 1 && tools[0]["annotations"]["readOnlyHint"] == .bool(true))
    #expect(schema["required"] == .array([.string("who")]) && schema["additionalProperties"] == .bool(false))
    #expect(schema["properties"]["ways"]["items"]["enum"].elements?.count == 2)
  }

  @Test("a tool's result is returned as text and as structure; its failure is reported to the assistant")
  func call() async throws {
    let result = try await request("tools/call", #"{"name":"greet","arguments":{"who":"you"}}"#)["result"]
    #expect(result["structuredContent"]["greeting"].text == "hello you" && result["isError"] == .bool(false))
    #expect(result["content"].elements?.first?["text"].text == #"{"greeting":"hello you"}"#)
    let failed = try await request("tools/call", #"{"name":"greet","arguments":{"who":"nobody"}}"#)["result"]
    #expect(failed["isError"] == .bool(true) && failed["content"].elements?.first?["text"].text == "nobody is there")
  }

  @Test(
    "reports invalid arguments and what is expected",
    arguments: [
      ("{}", "'who' is missing"), (#"{"who":1}"#, "not of type string"), (#"{"whom":"x"}"#, "no argument 'whom'"),
      (#"{"who":"x","times":1.5}"#, "not of type integer"), (#"{"who":"x","ways":["icily"]}"#, "one of warmly, coldly"),
      ("[]", "not a JSON object"),
    ])
  func arguments(arguments: String, expected: String) async throws {
    let result = try await request("tools/call", #"{"name":"greet","arguments":\#(arguments)}"#)["result"]
    #expect(result["isError"] == .bool(true))
    #expect(result["content"].elements?.first?["text"].text?.contains(expected) == true)
  }

  @Test(
    "an invalid request gets a JSON-RPC error, and a notification gets no response",
    arguments: [
      ("{", -32700), ("[]", -32600), (#"{"id":1,"method":"ping"}"#, -32600), (#"{"jsonrpc":"2.0","id":1}"#, -32600),
      (#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
      (#"{"jsonrpc":"2.0","id":"a","method":"shout"}"#, -32601),
      (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}"#, -32602),
      (#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, nil),
      (#"{"jsonrpc":"2.0","id":1,"result":{}}"#, nil),
    ] as [(String, Double?)])
  func errors(message: String, code: Double?) async throws {
    let answer = try await ask(message)
    #expect(answer?["error"]["code"].number == code)
  }

  @Test("returns ids unchanged")
  func identifiers() async throws {
    #expect(try await ask(#"{"jsonrpc":"2.0","id":"a\"b","method":"ping"}"#)?["id"].text == "a\"b")
    #expect(try await ask(#"{"jsonrpc":"2.0","id":12345678,"method":"ping"}"#)?["id"].number == 12_345_678)
  }

  /// The official client, over standard input and output or over HTTP.
  private static let script = """
    import asyncio, json, sys
    from mcp import Client, StdioServerParameters, stdio_client
    async def main():
      how, program, server = sys.argv[1:4]
      target = server if how == "http" else stdio_client(
        StdioServerParameters(command=program, args=["mcp", "--server", server]))
      async with Client(target) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        listed = (await client.call_tool("list_workloads", {"limit": 1})).structured_content
        plan = (await client.call_tool("get_forecast", {"workload": "api"})).structured_content
        unknown = await client.call_tool("get_forecast", {"workload": "nobody"})
        backtest = await client.call_tool("backtest", {"workload": "api", "models": ["seasonal-naive"]})
        print(json.dumps({"name": client.server_info.name, "tools": tools,
          "workloads": [row["workload"] for row in listed["workloads"]], "steps": len(plan["values"]),
          "problem": unknown.content[0].text, "isError": unknown.is_error, "backtest": backtest.content[0].text}))
    asyncio.run(main())
    """

  private struct Seen: Decodable {
    var name: String
    var tools: [String]
    var workloads: [String]
    var steps: Int
    var problem: String
    var isError: Bool
    var backtest: String
  }

  private func check(_ client: ChildProcess, _ forecaster: TestForecaster) async throws {
    #expect(try await client.waitForExit() == 0, "\(client.output)")
    let line = client.output.split(separator: "\n").last { $0.hasPrefix("{") } ?? ""
    let seen = try JSONDecoder().decode(Seen.self, from: Data(line.utf8))
    #expect(seen.name == "kedastral" && seen.workloads == ["worker"] && seen.steps == 30)
    #expect(
      seen.tools == ["list_workloads", "get_forecast", "explain_decision", "what_if", "get_scorecard", "backtest"])
    #expect(seen.isError && seen.problem == "\(forecaster.url) has no forecast for workload 'nobody'")
    #expect(seen.backtest.contains("seasonal-naive") || seen.backtest.contains("too few"), "\(seen.backtest)")
  }

  @Test("the official Python client lists and calls the tools over standard input and output")
  func pythonClient() async throws {
    let forecaster = try await TestForecaster(["api", "worker"])
    try await check(
      try ChildProcess(
        Repository.python, "-c", Self.script, "stdio", "\(Repository.products.path)/kedastral", forecaster.url),
      forecaster)
    await forecaster.close()
  }

  @Test(
    "the official Python client works over HTTP; foreign origins, other methods and versions are rejected")
  func overHTTP() async throws {
    let forecaster = try await TestForecaster(["api", "worker"])
    let port = freePort()
    let server = try Daemon("kedastral", ["mcp", "--listen", ":\(port)", "--server", forecaster.url])
    let url = "http://127.0.0.1:\(port)/mcp"
    try await eventually("the server to listen") {
      server.process.output.contains("serving the Model Context Protocol on \(url)")
    }
    try await check(try ChildProcess(Repository.python, "-c", Self.script, "http", "-", url), forecaster)

    func status(_ arguments: String...) async throws -> String {
      let request = try ChildProcess(
        "curl",
        arguments: ["--silent", "--max-time", "10", "--output", "/dev/null", "--write-out", "%{http_code}", url]
          + arguments)
      _ = try await request.waitForExit()
      return request.output
    }
    let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
    #expect(try await status("-d", ping) == "200")
    #expect(try await status("-d", ping, "-H", "Origin: http://localhost:3000") == "200")
    #expect(try await status("-d", ping, "-H", "Origin: http://evil.example") == "403")
    #expect(try await status("-d", ping, "-H", "Origin: http://localhost.evil.example") == "403")
    #expect(try await status("-d", ping, "-H", "MCP-Protocol-Version: 1999-01-01") == "400")
    #expect(try await status("-d", #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#) == "202")
    #expect(try await status() == "405")
    #expect(try await status("-d", ping, "-H", "Transfer-Encoding: chunked") == "200")
    #expect(try await status("-d", ping, "-H", "Transfer-Encoding: zip", "-H", "Content-Length:") == "411")
    server.process.signal(SIGTERM)
    #expect(try await server.process.waitForExit() == 0, "\(server.process.output)")
    await forecaster.close()
  }

  @Test(
    "an invalid command line exits with 2 and states what is expected",
    arguments: [
      (["--listen", "0.0.0.0:8090"], "--token-file"), (["--listen", "x"], "is not an address"),
      (["--allow-origin", "http://x"], "needs --listen"), (["--sever=x"], "did you mean --server"),
    ] as [([String], String)])
  func usage(arguments: [String], expected: String) async throws {
    let run = try await Daemon.run("kedastral", ["mcp"] + arguments)
    #expect(run.exitCode == 2 && run.output.contains(expected), "\(run.output)")
  }
}
