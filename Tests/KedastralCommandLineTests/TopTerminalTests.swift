import Foundation
import KedastralCore
import TestSupport
import Testing

/// A tmux server of its own with one window, in which a command runs.
private final class Terminal {
  private let socket = "kedastral-\(UUID().uuidString.prefix(8))"
  private var server: pid_t = 0

  init(_ command: String, columns: Int, rows: Int) async throws {
    try await tmux("new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", command + "; exec sleep 600")
    server = pid_t(try await tmux("display-message", "-p", "#{pid}").filter(\.isNumber)) ?? 0
  }

  deinit { if server > 0 { kill(server, SIGTERM) } }

  @discardableResult
  private func tmux(_ arguments: String...) async throws -> String {
    let process = try ChildProcess("tmux", arguments: ["-L", socket, "-f", "/dev/null"] + arguments)
    _ = try await process.waitForExit()
    return process.output
  }

  func lines() async throws -> [String] {
    try await tmux("capture-pane", "-p").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  func press(_ key: String) async throws { try await tmux("send-keys", key) }
  func resize(columns: Int, rows: Int) async throws {
    try await tmux("resize-window", "-x", "\(columns)", "-y", "\(rows)")
  }

  func shows(_ text: String) async throws -> Bool { try await lines().joined(separator: "\n").contains(text) }
}

@Suite("kedastral top in a terminal")
struct TopTerminalTests {
  private let program = "\(Repository.products.path)/kedastral"

  @Test("draws at 80×24 and 200×60, handles keys and a new size, and restores the terminal")
  func live() async throws {
    let forecaster = try await TestForecaster(["api", "worker"])
    let folder = try TemporaryFolder()
    let (before, after) = (folder.url.path + "/before", folder.url.path + "/after")
    let terminal = try await Terminal(
      "stty -a | tail -n +2 > \(before); \(program) top --server \(forecaster.url); status=$?; stty -a | tail -n +2 > \(after); echo ended $status",
      columns: 80, rows: 24)
    try await eventually("the list, with bars of history") {
      let lines = try await terminal.lines()
      return lines.count > 3 && lines[2].hasPrefix("api") && lines[2].contains("█│") && lines[23].contains("q quit")
    }
    try await terminal.press("j")
    try await terminal.press("Enter")
    try await eventually("the second workload's screen") { try await terminal.shows("worker  rps  load 200") }
    try await terminal.resize(columns: 200, rows: 60)
    try await eventually("the larger screen to be filled") {
      let lines = try await terminal.lines()
      return lines[59].contains("q quit") && lines.contains { $0.count > 150 }
    }
    try await terminal.press("C-c")
    try await eventually("its end") { try await terminal.shows("ended 0") }
    #expect(try String(contentsOfFile: after, encoding: .utf8) == String(contentsOfFile: before, encoding: .utf8))
    await forecaster.close()
  }

  @Test("an unavailable forecaster is shown on the screen, and SIGTERM restores the terminal")
  func away() async throws {
    let folder = try TemporaryFolder()
    let pid = folder.url.path + "/pid"
    let terminal = try await Terminal(
      "sh -c 'echo $$ > \(pid); exec \(program) top --server http://127.0.0.1:\(freePort())'; echo ended $?",
      columns: 80, rows: 24)
    try await eventually("the problem") { try await terminal.shows("GET http://127.0.0.1") }
    let identifier = try #require(
      Int32(String(contentsOfFile: pid, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
    kill(identifier, SIGTERM)
    try await eventually("its end") { try await terminal.shows("ended 0") }
  }

  @Test("prints the list once, sorted and filtered, without a terminal")
  func plain() async throws {
    let forecaster = try await TestForecaster(["api", "worker", "api-two"])
    let run = try await Daemon.run(
      "kedastral", ["top", "--server", forecaster.url, "--sort", "load", "--filter", "api"])
    #expect(run.exitCode == 0)
    #expect(run.output.split(separator: "\n").map { $0.prefix { $0 != " " } } == ["WORKLOAD", "api-two", "api"])
    #expect(!run.output.contains("\u{1B}"))
    let wrong = try await Daemon.run("kedastral", ["top", "--sort", "lod"])
    #expect(wrong.exitCode == 2 && wrong.output.contains("did you mean load"))
    await forecaster.close()
  }
}
