import Glibc
import KedastralConfiguration
import KedastralCore
import KedastralHTTP
import KedastralNet

/// `kedastral mcp`: a forecaster's knowledge as tools for an assistant.
enum MCPCommand: Command {
  static let name = "mcp"
  static let summary = "offer a running forecaster's knowledge to an assistant (Model Context Protocol)"

  static let help = """
    kedastral mcp serves the Model Context Protocol: an assistant gets the tools list_workloads, get_forecast, explain_decision,
    what_if and backtest. They ask a running forecaster, and change nothing.

    Usage:
      kedastral mcp [options]                      over standard input and output
      kedastral mcp --listen ADDRESS [options]     over HTTP, at the path /mcp

    Whom to ask:
    \(ServerInput.help)

    How to serve:
      --listen ADDRESS      serve streamable HTTP here; :8090 alone is this machine only, 127.0.0.1
      --allow-origin URL…   origins of web pages that may ask, besides this machine's own
      --token-file FILE     ask clients for the bearer token in this file; needed where others than this machine can connect

    Examples:
      # for an assistant that starts its servers: command kedastral, arguments mcp --server http://kedastral-forecaster:8081
      kedastral mcp --server http://kedastral-forecaster:8081
      kedastral mcp --listen :8090
    """

  static let options = ServerInput.options.merging(["listen": .one, "allow-origin": .many, "token-file": .one]) {
    own, _ in own
  }

  static func run(_ arguments: [String]) async throws {
    let options = try CommandOptions(arguments, known: options)
    try options.refuseRest(among: Array(Self.options.keys))
    let server = MCPServer(ForecasterTools(server: try ServerInput(options)).all)
    try await overStandardIO(server)
  }

  /// A message a line, until the input ends; long work does not hold up the messages behind it.
  private static func overStandardIO(_ server: MCPServer) async throws {
    // Reading blocks, so it has a thread of its own.
    let input = try EventLoop()
    try await withThrowingTaskGroup(of: Void.self) { group in
      while let line = try await input.run({ readLine() }) {
        guard line.contains(where: { $0 != " " }) else { continue }
        group.addTask {
          guard let answer = await server.answer(Array(line.utf8)) else { return }
          Program.show(String(decoding: answer, as: UTF8.self))
        }
      }
      try await group.waitForAll()
    }
  }
}
