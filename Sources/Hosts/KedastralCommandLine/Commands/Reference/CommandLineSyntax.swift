import KedastralDaemon

/// What the command line of `kedastral` accepts, for completion: from the commands' tables and the table of settings.
struct CommandLineSyntax {
  /// A subcommand.
  struct Word {
    let name: String
    let summary: String
    /// The words that may follow it before the options.
    var arguments: [String] = []
    /// Whether names of workloads may follow.
    var hasWorkloadNames = false
    var options: [CommandSyntax.Option] = []
  }

  /// The subcommands, in the order of help.
  let words: [Word]
  /// What may be given without a subcommand.
  let settings: [CommandSyntax.Option]

  /// All subcommands, options and settings of `kedastral`.
  static var kedastral: CommandLineSyntax {
    let demo = Word(name: Demo.name, summary: Demo.summary, options: Demo.syntax.options)
    let hosts = hosts.map { Word(name: $0.name, summary: $0.summary, options: settings(of: $0.host)) }
    return CommandLineSyntax(words: hosts + [demo] + Commands.all.map(word), settings: settings(of: .allInOne))
  }

  /// The subcommands that run until a signal.
  static let hosts: [(name: String, host: Host, summary: String)] = [
    ("run", .allInOne, "forecaster and KEDA external scaler in one process (the default)"),
    ("forecaster", .forecaster, "only the forecaster, as kedastral-forecaster"),
    ("scaler", .scaler, "only the KEDA external scaler, as kedastral-scaler"),
  ]

  /// The host that a subcommand runs.
  static func host(_ name: String) -> Host? { hosts.first { $0.name == name }?.host }

  private static func word(_ command: any Command.Type) -> Word {
    let syntax = command.syntax
    var options = syntax.options
    options += settings(of: .allInOne).filter { syntax.option($0.name) == nil && syntax.acceptsSetting($0.name) }
    return Word(
      name: command.name, summary: command.summary, arguments: syntax.words, hasWorkloadNames: syntax.hasWorkloadNames,
      options: options.sorted { $0.name < $1.name })
  }

  private static func settings(of host: Host) -> [CommandSyntax.Option] {
    SettingsReference.entries(of: host).map { entry in
      let words = entry.placeholder.map { $0.split(separator: "|").map(String.init) } ?? []
      let choices = entry.flag == "model" ? ModelCatalog.names.sorted() : words.count > 1 ? words : []
      return CommandSyntax.Option(entry.flag, entry.placeholder, choices: choices, entry.help)
    }
  }
}
