import KedastralDaemon

/// The table of subcommands: help, completion, manual and documentation are made from it.
enum Commands {
  /// All of them, in the order of help.
  static var all: [any Command.Type] {
    [
      ForecastCommand.self, BacktestCommand.self, ReplayCommand.self, GetCommand.self, ExplainCommand.self,
      TopCommand.self, QueryCommand.self, CheckCommand.self, MCPCommand.self,
      CompletionCommand.self, ManCommand.self,
    ]
  }

  /// The subcommand of a name.
  static func named(_ name: String?) -> (any Command.Type)? { all.first { $0.name == name } }
}
