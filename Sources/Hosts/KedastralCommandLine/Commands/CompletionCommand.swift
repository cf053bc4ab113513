import KedastralDaemon

/// `kedastral completion`: prints a shell completion script.
enum CompletionCommand: Command {
  static let name = "completion"
  static let summary = "print a completion script for bash, zsh or fish"
  static let words = ShellCompletion.Shell.allCases.map(\.rawValue)
  static let options: [String: CommandOptions.Arity] = [:]

  static let help = """
    kedastral completion prints a completion script for a shell.

    Usage:
      kedastral completion bash|zsh|fish

    Examples:
      source <(kedastral completion bash)                                          # in ~/.bashrc
      kedastral completion zsh > "${fpath[1]}/_kedastral"                           # once, for zsh
      kedastral completion fish > ~/.config/fish/completions/kedastral.fish         # once, for fish
    """

  static func run(_ arguments: [String]) async throws {
    let options = try CommandOptions(arguments, known: options)
    guard let word = options.rest.first else {
      throw UsageError(description: "the shell is missing; write one of \(words.joined(separator: ", "))")
    }
    guard options.rest.count == 1, let shell = ShellCompletion.Shell(rawValue: word) else {
      throw UsageError(
        description:
          "'\(options.rest.joined(separator: " "))' is not a supported shell; write one of \(words.joined(separator: ", "))"
      )
    }
    Program.show(ShellCompletion(syntax: .kedastral).script(shell))
  }
}
