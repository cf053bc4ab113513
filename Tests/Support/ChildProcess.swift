import Foundation
import Glibc
import Synchronization

/// A program that a test starts, whose output it can read, and that ends with the test.
///
///     let redis = try ChildProcess("redis-server", "--port", "\(port)")
///     defer { redis.kill() }
///
/// Made of `posix_spawn` itself: Foundation's `Process` reads beyond its memory, and crashes when many tests start programs.
public final class ChildProcess: Sendable {
  /// Why a program could not be started.
  public struct NotFound: Error, CustomStringConvertible {
    /// The program's name.
    public let name: String
    public var description: String { "\(name) is not installed; `make test` installs what the tests need" }
  }

  /// One program is started at a time, so that none inherits another's pipe.
  private static let spawning = Mutex(())

  /// What is known of the program; shared with the threads that watch it.
  private final class Watch: Sendable {
    let output = Mutex<[UInt8]>([])
    /// Whether all output has been read.
    let hasWholeOutput = Mutex(false)
    /// The exit code, or the signal that ended it; nil while it runs.
    let ending = Mutex<Int32?>(nil)
  }

  /// The process identifier.
  public let identifier: Int32
  private let name: String
  private let watch = Watch()
  /// Our end of its standard input; -1 when it has none.
  private let input: CInt

  /// Starts `name`, a program on the search path or an absolute path.
  ///
  /// - Parameter takesInput: whether it is written to, by ``write(_:)``; otherwise its standard input is empty.
  public init(
    _ name: String, arguments: [String], environment: [String: String] = [:], directory: URL? = nil,
    takesInput: Bool = false
  ) throws {
    guard var path = Self.path(of: name) else { throw NotFound(name: name) }
    var words = [name] + arguments
    if let directory {
      words = ["sh", "-c", "cd \"$0\" && exec \"$@\"", directory.path, path] + arguments
      path = "/bin/sh"
    }
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let started = Self.spawning.withLock { _ in
      var ends: [CInt] = [0, 0]
      guard pipe(&ends) == 0 else { return (code: errno, identifier: pid_t(), input: CInt(-1), output: CInt(-1)) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      // A socket, since writing to a pipe whose reader has ended is a signal.
      var inputs: [CInt] = [-1, -1]
      if takesInput { _ = socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &inputs) }
      let (code, identifier) = Self.spawn(
        path, words, variables.map { "\($0.key)=\($0.value)" }, input: inputs[0], output: ends[1])
      close(ends[1])
      if takesInput { close(inputs[0]) }
      if code != 0 { close(ends[0]) }
      return (code, identifier, inputs[1], ends[0])
    }
    self.name = name
    identifier = started.identifier
    input = started.input
    guard started.code == 0 else {
      watch.ending.withLock { $0 = -1 }
      throw POSIXError(POSIXErrorCode(rawValue: started.code) ?? .ENOENT)
    }
    Self.collectOutput(of: started.output, into: watch)
    Self.awaitEnd(of: identifier, watch)
  }

  /// Starts `name` with arguments.
  public convenience init(_ name: String, _ arguments: String...) throws {
    try self.init(name, arguments: arguments)
  }

  deinit {
    kill()
    if input >= 0 { close(input) }
  }

  /// What the program wrote to standard output and standard error so far.
  public var output: String { watch.output.withLock { String(decoding: $0, as: UTF8.self) } }

  /// What it wrote behind the first `count` bytes.
  public func output(after count: Int) -> ArraySlice<UInt8> { watch.output.withLock { $0[min(count, $0.count)...] } }

  /// Writes all of `text` to its standard input.
  public func write(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(input, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPIPE) }
      rest = rest.dropFirst(count)
    }
  }

  /// Whether it still runs.
  public var isRunning: Bool { exitCode == nil }

  /// The exit code, once it has ended; a signal's number when one ended it.
  public var exitCode: Int32? { watch.ending.withLock { $0 } }

  /// Sends a signal.
  public func signal(_ signal: Int32) {
    // Under the lock the process, if ended, is not reaped yet: its identifier cannot be another's.
    watch.ending.withLock { ending in if ending == nil { _ = Glibc.kill(identifier, signal) } }
  }

  /// Ends it at once.
  public func kill() { signal(SIGKILL) }

  /// Waits until it has ended and returns its exit code.
  public func waitForExit(within deadline: Duration = .seconds(60)) async throws -> Int32 {
    try await eventually("the end of \(name)", within: deadline) { exitCode != nil }
    // The output's tail arrives on another thread; a program that this one left running may keep the pipe open.
    try? await eventually("all output of \(name)", within: .seconds(10)) { watch.hasWholeOutput.withLock { $0 } }
    return exitCode ?? -1
  }

  // MARK: System calls

  private static func spawn(
    _ path: String, _ words: [String], _ variables: [String], input: CInt, output: CInt
  ) -> (code: CInt, identifier: pid_t) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    if input >= 0 {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    // This process blocks and ignores signals that the program must not inherit so.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var argv = words.map { strdup($0) } + [nil]
    var envp = variables.map { strdup($0) } + [nil]
    defer {
      for text in argv + envp { free(text) }
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    var identifier = pid_t()
    let code = posix_spawn(&identifier, path, &actions, &attributes, &argv, &envp)
    return (code, identifier)
  }

  private static func collectOutput(of descriptor: CInt, into watch: Watch) {
    Thread.detachNewThread {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        watch.output.withLock { $0.append(contentsOf: buffer[..<count]) }
      }
      close(descriptor)
      watch.hasWholeOutput.withLock { $0 = true }
    }
  }

  private static func awaitEnd(of identifier: pid_t, _ watch: Watch) {
    Thread.detachNewThread {
      var information = siginfo_t()
      while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
      watch.ending.withLock { ending in
        var status: CInt = 0
        while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        // The low seven bits are the signal, if one ended it; else the next eight are the exit code.
        ending = status & 0x7F == 0 ? status >> 8 & 0xFF : status & 0x7F
      }
    }
  }

  private static func path(of name: String) -> String? {
    if name.hasPrefix("/") { return name }
    let searchPath = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin"
    return searchPath.split(separator: ":").map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
