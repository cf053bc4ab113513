import KedastralCore
import KedastralDaemon

/// The program `kedastral`: `run` (forecaster and scaler in one process, which is the default without a subcommand),
/// `forecaster`, `scaler`, `demo`, and the subcommands of `Commands`.
package enum KedastralCommand {
  /// Runs the program with the given arguments (without the program's name); returns the exit code.
  package static func main(_ arguments: [String]) async -> Int32 {
    guard let word = arguments.first, !word.hasPrefix("-") else {
      if CommandOptions.askForHelp(arguments) { return Program.shown(Commands.help) }
      return await AllInOneHost.main(arguments)
    }
    let rest = Array(arguments.dropFirst())
    if let command = Commands.named(word) { return await command.main(rest) }
    switch word {
    case "run": return await AllInOneHost.main(rest)
    case "forecaster": return await ForecasterHost.main(rest)
    case "scaler": return await ScalerHost.main(rest)
    case Demo.name: return await Demo.main(rest)
    default:
      Program.say("kedastral: \(Commands.unknown(word))")
      Program.say("see kedastral --help")
      return ExitCode.askedWrongly
    }
  }
}
