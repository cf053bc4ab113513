import Glibc
import Kedastral
import KedastralCore
import KedastralDaemon
import KedastralHTTP
import KedastralNet

/// `kedastral mcp`: offers a forecaster's data as tools to an assistant.
enum MCPCommand: Command {
  static let name = "mcp"
  static let summary = "serve a running forecaster's data to an assistant (Model Context Protocol)"

  static let syntax = CommandSyntax(
    about: """
      kedastral mcp serves the Model Context Protocol: it gives an assistant the tools list_workloads, get_forecast,
      explain_decision, what_if, get_scorecard and backtest. They query a running forecaster and change nothing. With the access to
      a cluster there are also list_forecast_policies and get_forecast_policy. Without --listen it serves over standard input and
      output.
      """,
    usage: ["[options]", "--listen ADDRESS [options]"],
    groups: [
      ServerInput.options,
      .init(
        title: "Cluster",
        options: [
          .init(
            "kubeconfig", "FILE",
            "read the ForecastPolicies of this file's cluster; in a pod with a service account's token, its own cluster"
          )
        ]),
      .init(
        title: "Serving",
        options: [
          .init(
            "listen", "ADDRESS",
            "serve streamable HTTP at this address, at the path /mcp; :8090 means 127.0.0.1, only this machine"),
          .init("allow-origin", "URL…", "further allowed origins of web pages; this machine's own are always allowed"),
          .init(
            "token-file", "FILE", "require the bearer token in this file; needed when other machines can connect"),
        ]),
    ],
    examples: """
      # for an assistant that starts its servers: command kedastral, arguments mcp --server http://kedastral-forecaster:8081
      kedastral mcp --server http://kedastral-forecaster:8081
      kedastral mcp --listen :8090
      """)

  static func run(_ options: CommandOptions) async throws {
    let server = MCPServer(ForecasterTools(server: try ServerInput(options)).all + (try policyTools(options)))
    guard options.has("listen") else {
      for name in ["allow-origin", "token-file"] where options.has(name) {
        throw UsageError(description: "\(options.typed(name)) needs --listen ADDRESS")
      }
      return try await overStandardIO(server)
    }
    try await overHTTP(server, options)
  }

  /// The tools for policies, where there is a cluster to read them from.
  private static func policyTools(_ options: CommandOptions) throws -> [MCPTool] {
    let kubeconfig = options.value("kubeconfig")
    guard kubeconfig != nil || PolicyReader.isInCluster else { return [] }
    return PolicyTools(reader: try PolicyReader(kubeconfig: kubeconfig)).all
  }

  private static func overHTTP(_ server: MCPServer, _ options: CommandOptions) async throws {
    let text = options.value("listen") ?? ""
    guard let address = try? ListenAddress(text) else {
      throw UsageError(
        description: "--listen '\(text)' is not an address; write host:port, or :8090 for this machine only")
    }
    let host = address.host.isEmpty ? "127.0.0.1" : address.host
    let file = options.value("token-file")
    guard file != nil || ["127.0.0.1", "::1", "localhost"].contains(host) else {
      throw UsageError(
        description: "--listen \(text) lets other machines connect; give --token-file FILE")
    }
    var settings = HTTPServerSettings(address: ListenAddress(host: host, port: address.port))
    settings.token = try file.map { try BearerToken(file: $0) }
    // A backtest may take minutes.
    settings.answerTimeout = .seconds(120)
    let loop = try EventLoop()
    let runner = try await ServiceRunner(on: loop, logger: .silent)
    let service = try await MessageHTTPServer(
      settings, on: loop, path: "/mcp", versions: MCPServer.versions, origins: options.list("allow-origin"),
      answer: server.answer)
    Program.say("serving the Model Context Protocol on http://\(service.address)/mcp")
    try await runner.run([]) { await service.shutdown(within: .seconds(2)) }
  }

  /// Reads one message per line until the input ends; a long call does not delay the messages after it.
  private static func overStandardIO(_ server: MCPServer) async throws {
    // Reading blocks, so it has its own thread.
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
