import Foundation
import Synchronization

/// A real Redis server (or sentinel) on a free port, with a folder of its own; it ends with the test.
///
///     let redis = try await RedisServer()
///     try await redis.cli("SET", "key", "value")
public final class RedisServer: Sendable {
  /// The port, of TLS when the server was started with it.
  public let port: UInt16
  /// Its working folder.
  public let folder: TemporaryFolder
  private let executable: String
  private let arguments: [String]
  private let cliArguments: [String]
  private let process: Mutex<ChildProcess>

  /// Starts a server and waits until it takes commands.
  ///
  /// - Parameters:
  ///   - arguments: settings in addition to the port, such as `--requirepass`, `secret`.
  ///   - cli: what `redis-cli` needs to get in, such as `-a`, `secret`.
  public init(_ arguments: [String] = [], cli: [String] = [], tls: TestCertificates? = nil) async throws {
    port = freePort()
    folder = try TemporaryFolder()
    executable = "redis-server"
    var all = ["--save", "", "--appendonly", "no", "--dir", folder.url.path, "--enable-debug-command", "yes"]
    if let tls {
      all += [
        "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", tls.server, "--tls-key-file", tls.serverKey,
        "--tls-ca-cert-file", tls.authority,
      ]
      cliArguments =
        cli + ["--tls", "--cacert", tls.authority, "--cert", tls.client, "--key", tls.clientKey]
    } else {
      all += ["--port", "\(port)"]
      cliArguments = cli
    }
    self.arguments = all + arguments
    process = Mutex(try ChildProcess(executable, arguments: self.arguments))
    try await waitUntilReady()
  }

  /// Starts a sentinel that watches a master on the loopback address as `master`.
  public init(sentinelOf masterPort: UInt16, quorum: Int = 1, settings: String = "", password: String? = nil)
    async throws
  {
    port = freePort()
    folder = try TemporaryFolder()
    executable = "redis-server"
    let file = try folder.write(
      """
      port \(port)
      dir \(folder.url.path)
      sentinel monitor master 127.0.0.1 \(masterPort) \(quorum)
      sentinel down-after-milliseconds master 400
      sentinel failover-timeout master 2000
      \(password.map { "requirepass \($0)\nsentinel sentinel-pass \($0)" } ?? "")
      \(settings)
      """, to: "sentinel.conf")
    arguments = [file, "--sentinel"]
    cliArguments = password.map { ["-a", $0, "--no-auth-warning"] } ?? []
    process = Mutex(try ChildProcess(executable, arguments: arguments))
    try await waitUntilReady()
  }

  deinit { kill() }

  /// What the server wrote.
  public var output: String { process.withLock { $0 }.output }

  /// Ends it at once, with its data.
  public func kill() { process.withLock { $0 }.kill() }

  /// Sends a signal, such as SIGSTOP.
  public func signal(_ signal: Int32) { process.withLock { $0 }.signal(signal) }

  /// Starts it again on its port: empty, unless it has saved its data.
  ///
  /// - Parameter waiting: whether to wait until it takes commands.
  public func restart(waiting: Bool = true) async throws {
    let old = process.withLock { $0 }
    old.kill()
    _ = try await old.waitForExit()
    let new = try ChildProcess(executable, arguments: arguments)
    process.withLock { $0 = new }
    if waiting { try await waitUntilReady() }
  }

  /// Runs a command by `redis-cli` and returns what it printed, without the last line break.
  @discardableResult
  public func cli(_ words: String...) async throws -> String { try await cli(words) }

  /// Runs a command by `redis-cli`.
  @discardableResult
  public func cli(_ words: [String]) async throws -> String {
    let cli = try ChildProcess("redis-cli", arguments: ["-p", "\(port)"] + cliArguments + words)
    _ = try await cli.waitForExit()
    return String(cli.output.drop { $0.isNewline }.reversed().drop { $0.isNewline }.reversed())
  }

  private func waitUntilReady() async throws {
    try await eventually("redis on port \(port)") {
      let process = process.withLock { $0 }
      guard process.isRunning else { throw ConditionTimeout(what: "redis-server: \(process.output)") }
      return process.output.contains("Ready to accept connections") || process.output.contains("Sentinel ID is")
    }
  }
}
