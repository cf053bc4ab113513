import KedastralDaemon

/// `kedastral completion`: prints a shell completion script.
enum CompletionCommand: Command {
  static let name = "completion"
  static let summary = "print a completion script for bash, zsh or fish"
  static let syntax = CommandSyntax(
    about: "kedastral completion prints a completion script for a shell.",
    usage: ["bash|zsh|fish"],
    words: ShellCompletion.Shell.allCases.map(\.rawValue), maximumWords: 1,
    examples: """
      source <(kedastral completion bash)                                          # in ~/.bashrc
      kedastral completion zsh > "${fpath[1]}/_kedastral"                           # once, for zsh
      kedastral completion fish > ~/.config/fish/completions/kedastral.fish         # once, for fish
      """)

  static func run(_ options: CommandOptions) async throws {
    let known = syntax.words.joined(separator: ", ")
    guard let word = options.words.first else {
      throw UsageError(description: "the shell is missing; write one of \(known)")
    }
    guard let shell = ShellCompletion.Shell(rawValue: word) else {
      throw UsageError(description: "'\(word)' is not a supported shell; write one of \(known)")
    }
    Program.show(ShellCompletion(syntax: .kedastral).script(shell))
  }
}
