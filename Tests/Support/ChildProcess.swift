import Foundation
import Synchronization

/// A program that a test starts, whose output it can read, and that ends with the test.
///
///     let redis = try ChildProcess("redis-server", "--port", "\(port)")
///     defer { redis.kill() }
public final class ChildProcess: Sendable {
  /// Why a program could not be started.
  public struct NotFound: Error, CustomStringConvertible {
    /// The program's name.
    public let name: String
    public var description: String { "\(name) is not installed; `make test` installs what the tests need" }
  }

  /// What the program wrote to standard output and standard error so far.
  public var output: String { collected.withLock { String(decoding: $0, as: UTF8.self) } }

  private let process: Process
  private let collected: Mutex<Data>

  /// Starts `name`, a program on the search path or an absolute path.
  public init(_ name: String, arguments: [String], environment: [String: String] = [:], directory: URL? = nil) throws {
    guard let path = Self.path(of: name) else { throw NotFound(name: name) }
    process = Process()
    collected = Mutex(Data())
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let directory { process.currentDirectoryURL = directory }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    try? pipe.fileHandleForWriting.close()
    // A thread rather than a handler of the file handle: those crash when many programs start and end at the same time.
    Thread.detachNewThread { [weak self] in
      withExtendedLifetime(pipe) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
          let count = read(pipe.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
          if count < 0, errno == EINTR { continue }
          guard count > 0 else { return }
          self?.collected.withLock { $0.append(contentsOf: buffer[..<count]) }
        }
      }
    }
  }

  /// Starts `name` with arguments.
  public convenience init(_ name: String, _ arguments: String...) throws {
    try self.init(name, arguments: arguments)
  }

  deinit { kill() }

  /// The process identifier.
  public var identifier: Int32 { process.processIdentifier }

  /// Whether it still runs.
  public var isRunning: Bool { process.isRunning }

  /// The exit code, once it has ended; a signal's number when one ended it.
  public var exitCode: Int32? { process.isRunning ? nil : process.terminationStatus }

  /// Sends a signal.
  public func signal(_ signal: Int32) {
    if process.isRunning { Glibc.kill(process.processIdentifier, signal) }
  }

  /// Ends it at once.
  public func kill() { signal(SIGKILL) }

  /// Waits until it has ended and returns its exit code.
  public func waitForExit(within deadline: Duration = .seconds(60)) async throws -> Int32 {
    try await eventually("the end of \(process.executableURL?.lastPathComponent ?? "the program")", within: deadline) {
      !process.isRunning
    }
    // The output's tail arrives on another thread.
    try await Task.sleep(for: .milliseconds(50))
    return process.terminationStatus
  }

  private static func path(of name: String) -> String? {
    if name.hasPrefix("/") { return name }
    let searchPath = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin"
    return searchPath.split(separator: ":").map { "\($0)/\(name)" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }
}
