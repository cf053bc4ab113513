import KedastralCore
import KedastralDaemon

/// The program `kedastral`: `run` (forecaster and scaler in one process, which is the default without a subcommand),
/// `forecaster`, `scaler`, `demo`, and the subcommands of `Commands`.
package enum KedastralCommand {
  /// Runs the program with the given arguments (without the program's name); returns the exit code.
  package static func main(_ arguments: [String]) async -> Int32 {
    guard let word = arguments.first, !word.hasPrefix("-") else { return await AllInOneHost.main(arguments) }
    let rest = Array(arguments.dropFirst())
    if let command = Commands.named(word) { return await command.main(rest) }
    switch word {
    case "run": return await AllInOneHost.main(rest)
    case "forecaster": return await ForecasterHost.main(rest)
    case "scaler": return await ScalerHost.main(rest)
    case "demo": return await Demo.main(rest)
    default:
      let known = Commands.all.map { $0.name } + ["run", "forecaster", "scaler", "demo"]
      let near = Suggestion.nearest(to: word, among: known).map { "; did you mean \($0)?" }
      Program.say(
        "kedastral: unknown command '\(word)'\(near ?? "; known: " + known.sorted().joined(separator: ", "))")
      Program.say("see kedastral --help")
      return ExitCode.askedWrongly
    }
  }
}
