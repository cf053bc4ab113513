import KedastralDaemon

/// The syntax of the arguments of `kedastral`, generated from the table of commands and the table of settings.
struct CommandLineSyntax {
  /// An option or a setting.
  struct Option {
    /// The name, without a dash.
    let name: String
    /// Whether it has a value.
    let hasValue: Bool
    /// What it means, in one line.
    let help: String
    /// The accepted values, when there are few.
    var values: [String] = []
    /// Whether its value is a file's name.
    var isFile = false
  }

  /// A subcommand.
  struct Word {
    let name: String
    let summary: String
    /// The words that may follow it before the options.
    var arguments: [String] = []
    var options: [Option] = []
  }

  /// The subcommands, in the order of help.
  let words: [Word]
  /// What may be given without a subcommand.
  let settings: [Option]

  /// All subcommands, options and settings of `kedastral`.
  static var kedastral: CommandLineSyntax {
    let settings = SettingsReference.entries(of: .allInOne).map(option)
    let hosts = [
      Word(name: "run", summary: "forecaster and KEDA external scaler in one process (the default)", options: settings),
      Word(
        name: "forecaster", summary: "only the forecaster, as kedastral-forecaster",
        options: SettingsReference.entries(of: .forecaster).map(option)),
      Word(
        name: "scaler", summary: "only the KEDA external scaler, as kedastral-scaler",
        options: SettingsReference.entries(of: .scaler).map(option)),
      Word(name: "demo", summary: "run a demonstration that needs no setup"),
    ]
    return CommandLineSyntax(words: hosts + Commands.all.map(word), settings: settings)
  }

  private static func word(_ command: any Command.Type) -> Word {
    let own = command.options.map { name, arity in
      Option(
        name: name, hasValue: arity != .none, help: help(of: name, in: command.help),
        values: command.choices[name] ?? [], isFile: isFile(name))
    }
    let shared = command.takesWorkloadSettings ? workloadSettings.filter { command.options[$0.name] == nil } : []
    return Word(
      name: command.name, summary: command.summary, arguments: command.words,
      options: (own + shared).sorted { $0.name < $1.name })
  }

  private static let workloadSettings = SettingsReference.entries(of: .forecaster)
    .filter { WorkloadSettings.flags.contains($0.flag) }.map(option)

  private static func option(_ entry: SettingsReference.Entry) -> Option {
    let choices = entry.placeholder.map { $0.split(separator: "|").map(String.init) } ?? []
    return Option(
      name: entry.flag, hasValue: entry.placeholder != nil, help: entry.help,
      values: entry.flag == "model" ? ModelCatalog.names.sorted() : choices.count > 1 ? choices : [],
      isFile: entry.placeholder == "FILE")
  }

  private static func isFile(_ name: String) -> Bool {
    ["config", "csv", "svg"].contains(name) || name.hasSuffix("-file") || name.hasSuffix("-svg")
      || name.hasSuffix("-csv")
  }

  /// The words beside an option in a help text; empty when the text does not explain the option.
  static func help(of option: String, in help: String) -> String {
    for line in help.split(separator: "\n") {
      let text = line.drop { $0 == " " }
      guard text.hasPrefix("-"), let gap = text.firstRange(of: "  ") else { continue }
      let names = text[..<gap.lowerBound].split { $0 == " " || $0 == "," }
      guard names.contains("--\(option)") || names.contains("-\(option)") else { continue }
      return String(text[gap.upperBound...].drop { $0 == " " || $0 == "…" })
    }
    return ""
  }
}
