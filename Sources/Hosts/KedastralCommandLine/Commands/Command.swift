import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon
import KedastralSources

/// A subcommand: it runs once and exits.
protocol Command {
  /// The name after `kedastral`.
  static var name: String { get }
  /// What it does, in a few words.
  static var summary: String { get }
  /// What may follow the name.
  static var syntax: CommandSyntax { get }
  /// Runs the command; tables go to standard output.
  static func run(_ options: CommandOptions) async throws
}

/// A command has completed and reports a failure by its exit code.
struct EndedBadly: Error {
  let exitCode: Int32
}

extension Command {
  /// The text of `--help` without the exit codes.
  static var help: String { syntax.help(name: name) }

  /// The text of `--help`.
  static var wholeHelp: String { help + "\n\n" + ExitCode.help }

  static func main(_ arguments: [String]) async -> Int32 {
    if CommandOptions.askForHelp(arguments) {
      return Program.shown(wholeHelp)
    }
    do {
      try await run(try CommandOptions(arguments, of: syntax))
      guard let problem = Program.outputProblem else { return ExitCode.done }
      Program.say("kedastral \(name): \(problem)")
      return ExitCode.failed
    } catch let ending as EndedBadly {
      return ending.exitCode
    } catch let error as UsageError {
      Program.say("kedastral \(name): \(error)")
      Program.say("see kedastral \(name) --help")
      return ExitCode.askedWrongly
    } catch let error as ConfigurationError {
      for problem in error.problems { Program.say("kedastral \(name): \(problem)") }
      Program.say("see kedastral \(name) --help")
      return ExitCode.askedWrongly
    } catch {
      Program.say("kedastral \(name): \(error)")
      let takesServer = syntax.options.contains { $0.name == "server" }
      if takesServer, let error = error as? HTTPError, error.isRefusedConnection {
        Program.say("does a forecaster run there? --server URL, or KEDASTRAL_SERVER, names another one")
      }
      return ExitCode.failed
    }
  }
}

/// A file that could not be written.
struct WriteError: Error, CustomStringConvertible {
  let path: String
  let problem: String
  var description: String { "cannot write \(path): \(problem)" }

  /// Writes a file as a whole.
  static func write(_ bytes: [UInt8], to path: String) throws(WriteError) {
    do {
      try Data(bytes).write(to: URL(filePath: path))
    } catch {
      let reason = errno
      throw WriteError(path: path, problem: reason == 0 ? "\(error)" : String(cString: strerror(reason)))
    }
  }
}
