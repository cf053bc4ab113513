import KedastralCore
import KedastralDaemon

/// The table of subcommands, from which help, completion, manual and documentation are generated.
enum Commands {
  /// All that run once and exit, in the order of help.
  static var all: [any Command.Type] {
    [
      ForecastCommand.self, BacktestCommand.self, ReplayCommand.self, SurveyCommand.self, CalibrateCommand.self,
      GetCommand.self, ExplainCommand.self, ReportCommand.self,
      TopCommand.self, QueryCommand.self, CheckCommand.self, MCPCommand.self,
      CompletionCommand.self, ManCommand.self, VersionCommand.self, HelpCommand.self,
    ]
  }

  /// The subcommand with the given name.
  static func named(_ name: String?) -> (any Command.Type)? { all.first { $0.name == name } }

  /// The names of all subcommands, those that run until a signal first.
  static var names: [String] { CommandLineSyntax.hosts.map(\.name) + [Demo.name] + all.map { $0.name } }

  /// The help of `kedastral` itself: its commands.
  static var help: String {
    HelpText.overview(commands: CommandLineSyntax.kedastral.words.map { ($0.name, $0.summary) })
  }

  /// What is said of a subcommand that does not exist.
  static func unknown(_ word: String) -> String {
    let near = Suggestion.nearest(to: word, among: names).map { "; did you mean \($0)?" }
    return "unknown command '\(word)'\(near ?? "; known: " + names.sorted().joined(separator: ", "))"
  }
}
