import FoundationEssentials
import Glibc
import Kedastral
import KedastralCore
import Synchronization

/// What the executables have in common: reading settings, `--help`, `--version`, and exit codes.
/// 0: success; 1: could not start, or a part failed; 2: invalid settings.
package enum Program {
  /// The version of all executables.
  package static let version = KedastralService.version

  /// Runs a host.
  ///
  /// - Parameters:
  ///   - parts: models, sources and policies that are not built in.
  ///   - command: how it was started, for errors; nil for the host's own command.
  ///   - load: reads the settings.
  ///   - run: runs until a signal; it gets the settings, and a way to read them again.
  package static func main<Configuration: Sendable>(
    _ host: Host, _ parts: RegisteredParts = RegisteredParts(), command: String? = nil,
    load: @escaping @Sendable (ConfigurationLoader) throws(ConfigurationError) -> Invocation<Configuration>,
    run: (Configuration, @escaping ReadAgain<Configuration>) async throws -> Void
  ) async -> Int32 {
    let command = command ?? host.command
    let loader = ConfigurationLoader(
      knownModels: ModelCatalog.names + parts.models.keys, workloadsWithSource: Set(parts.sources.keys),
      environment: ProcessInfo.processInfo.environment)
    let configuration: Configuration
    do {
      switch try load(loader) {
      case .help(let text): return shown(text)
      case .version: return shown("\(host.name) \(version)")
      case .run(let loaded): configuration = loaded
      }
    } catch {
      for problem in error.problems { say("\(command): \(problem)") }
      say("see \(command) --help")
      return 2
    }
    do {
      try await run(configuration) { () throws(ConfigurationError) in
        // The arguments asked to run before, and they are the same.
        guard case .run(let configuration) = try load(loader) else { throw ConfigurationError([]) }
        return configuration
      }
      return 0
    } catch {
      say("\(command): \(error)")
      return 1
    }
  }

  /// Reads the settings again.
  package typealias ReadAgain<Configuration> = @Sendable () throws(ConfigurationError) -> Configuration

  /// Shows a text, and returns the exit code.
  package static func shown(_ text: String) -> Int32 {
    show(text)
    guard let outputProblem else { return 0 }
    say("kedastral: \(outputProblem)")
    return 1
  }

  /// Writes a line to standard error.
  package static func say(_ line: String) { put(line, to: STDERR_FILENO) }

  /// Writes text to standard output at once, even if that is not a terminal; false when the reader has closed it.
  @discardableResult
  package static func show(_ text: String) -> Bool { put(text, to: STDOUT_FILENO) }

  /// The error number of the first failed write to standard output; 0 when there was none.
  private static let outputFailure = Atomic<CInt>(0)

  /// Whether a write to standard output has failed.
  package static var outputHasFailed: Bool { outputFailure.load(ordering: .relaxed) != 0 }

  /// Why standard output could not be written; nil when it could, and when its reader has closed it, as `head` does.
  package static var outputProblem: String? {
    let number = outputFailure.load(ordering: .relaxed)
    return number == 0 || number == EPIPE
      ? nil : "cannot write to standard output: \(String(cString: strerror(number)))"
  }

  /// Lines of tasks at work side by side stay whole.
  private static let writing = Mutex(())

  @discardableResult
  private static func put(_ line: String, to descriptor: CInt) -> Bool {
    writing.withLock { _ in
      var rest = Array((line + "\n").utf8)[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno != EINTR {
          if descriptor == STDOUT_FILENO { outputFailure.store(errno, ordering: .relaxed) }
          return false
        }
        rest = rest.dropFirst(max(0, count))
      }
      return true
    }
  }
}
