import KedastralDaemon

/// `kedastral help`: the help of the program or of one command.
enum HelpCommand: Command {
  static let name = "help"
  static let summary = "show the help of a command"

  static var syntax: CommandSyntax {
    CommandSyntax(
      about:
        "kedastral help shows the help of a command, as COMMAND --help does, or without one that of kedastral itself.",
      usage: ["[COMMAND]"], words: Commands.names, maximumWords: 1,
      examples: """
        kedastral help
        kedastral help replay
        """)
  }

  static func run(_ options: CommandOptions) async throws {
    guard let word = options.words.first else {
      Program.show(Commands.help)
      return
    }
    if let command = Commands.named(word) {
      Program.show(command.wholeHelp)
    } else if word == Demo.name {
      Program.show(Demo.syntax.help(name: word))
    } else if let host = CommandLineSyntax.host(word) {
      Program.show(HelpText.text(for: host, knownModels: ModelCatalog.names))
    } else {
      throw UsageError(description: Commands.unknown(word))
    }
  }
}
