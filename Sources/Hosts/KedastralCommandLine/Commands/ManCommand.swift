import KedastralDaemon

/// `kedastral man`: the manual page.
enum ManCommand: Command {
  static let name = "man"
  static let summary = "print the manual page"
  static let syntax = CommandSyntax(
    about: "kedastral man prints the manual page.",
    examples: """
      kedastral man | man -l -
      kedastral man > /usr/local/share/man/man1/kedastral.1
      """)

  static func run(_ options: CommandOptions) async throws {
    Program.show(ManualPage.roff)
  }
}
