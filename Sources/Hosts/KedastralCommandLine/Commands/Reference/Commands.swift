import KedastralDaemon

/// The table of subcommands, from which help, completion, manual and documentation are generated.
enum Commands {
  /// All of them, in the order of help.
  static var all: [any Command.Type] {
    [
      ForecastCommand.self, BacktestCommand.self, ReplayCommand.self, GetCommand.self, ExplainCommand.self,
      TopCommand.self, QueryCommand.self, CheckCommand.self, MCPCommand.self,
      CompletionCommand.self, ManCommand.self,
    ]
  }

  /// The subcommand with the given name.
  static func named(_ name: String?) -> (any Command.Type)? { all.first { $0.name == name } }
}
