import KedastralDaemon

/// `kedastral man`: the manual page.
enum ManCommand: Command {
  static let name = "man"
  static let summary = "print the manual page"
  static let options: [String: CommandOptions.Arity] = [:]

  static let help = """
    kedastral man prints the manual page.

    Usage:
      kedastral man

    Examples:
      kedastral man | man -l -
      kedastral man > /usr/local/share/man/man1/kedastral.1
    """

  static func run(_ arguments: [String]) async throws {
    try CommandOptions(arguments, known: options).refuseRest(among: [])
    Program.show(ManualPage.roff)
  }
}
