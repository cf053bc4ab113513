import FoundationEssentials
import Glibc
import KedastralConfiguration
import KedastralCore

/// A subcommand that does its work and ends: exit code 0 when done, 1 when something failed, 2 when asked wrongly.
protocol Command {
  /// The name after `kedastral`.
  static var name: String { get }
  /// The whole of `--help`.
  static var help: String { get }
  /// Does the work; tables go to standard output.
  static func run(_ arguments: [String]) async throws
}

extension Command {
  static func main(_ arguments: [String]) async -> Int32 {
    if arguments.contains(where: { ["-h", "-help", "--help"].contains($0) }) {
      Program.show(help)
      return 0
    }
    do {
      try await run(arguments)
      return 0
    } catch let error as UsageError {
      Program.say("kedastral \(name): \(error)")
      Program.say("see kedastral \(name) --help")
      return 2
    } catch let error as ConfigurationError {
      for problem in error.problems { Program.say("kedastral \(name): \(problem)") }
      Program.say("see kedastral \(name) --help")
      return 2
    } catch {
      Program.say("kedastral \(name): \(error)")
      return 1
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

/// One line on standard error that tells how far something is; nothing when that is no terminal.
struct ProgressLine {
  private let isShown = isatty(STDERR_FILENO) == 1
  private var last = ""

  mutating func show(_ text: String) {
    guard isShown, text != last else { return }
    last = text
    write("\r\u{1B}[K" + text)
  }

  /// Leaves the line empty.
  mutating func clear() {
    if isShown, !last.isEmpty { write("\r\u{1B}[K") }
    last = ""
  }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
  }
}
