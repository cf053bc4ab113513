import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon

/// A subcommand: it runs once and exits.
protocol Command {
  /// The name after `kedastral`.
  static var name: String { get }
  /// What it does, in a few words.
  static var summary: String { get }
  /// The text of `--help` without the exit codes.
  static var help: String { get }
  /// The options that it accepts.
  static var options: [String: CommandOptions.Arity] { get }
  /// The words that may follow the name before the options.
  static var words: [String] { get }
  /// The values of options that accept only certain values.
  static var choices: [String: [String]] { get }
  /// Whether it also accepts the daemons' flags for model and policy.
  static var takesWorkloadSettings: Bool { get }
  /// Runs the command; tables go to standard output.
  static func run(_ arguments: [String]) async throws
}

/// The exit codes of a command.
enum ExitCode {
  static let done: Int32 = 0
  static let failed: Int32 = 1
  static let askedWrongly: Int32 = 2

  /// For help, manual and documentation.
  static let help = """
    Exit codes: 0: success; 1: failure, for example a server that does not respond, a file that cannot be parsed, or a failed
    forecast; 2: usage error, for example an unknown option or an invalid value.
    """
}

/// A command has completed and reports a failure by its exit code.
struct EndedBadly: Error {
  let exitCode: Int32
}

extension Command {
  static var words: [String] { [] }
  static var choices: [String: [String]] {
    ["model": ModelCatalog.names.sorted(), "o": ["table", "json", "markdown"]]
  }
  static var takesWorkloadSettings: Bool { options["model"] != nil }

  static func main(_ arguments: [String]) async -> Int32 {
    if arguments.contains(where: { ["-h", "-help", "--help"].contains($0) }) {
      Program.show(help + "\n\n" + ExitCode.help)
      return ExitCode.done
    }
    do {
      try await run(arguments)
      return ExitCode.done
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
