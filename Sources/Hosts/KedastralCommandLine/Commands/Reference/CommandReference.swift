import KedastralDaemon

/// The documentation of the subcommands, generated from their help texts.
enum CommandReference {
  /// A list of the commands, then the help of each.
  static var markdown: String {
    let words = CommandLineSyntax.kedastral.words
    var sections = ["| Command | What it does |\n|---|---|"]
    sections[0] += words.map { "\n| `kedastral \($0.name)` | \($0.summary) |" }.joined()
    sections.append(ExitCode.help)
    sections.append(
      """
      Every command that shows something accepts `-o json`. Colours and progress bars are shown only on terminals; `NO_COLOR=1`
      turns colours off.
      """)
    for command in Commands.all { sections.append("## kedastral \(command.name)\n\n```text\n\(command.help)\n```") }
    return sections.joined(separator: "\n\n") + "\n"
  }
}
