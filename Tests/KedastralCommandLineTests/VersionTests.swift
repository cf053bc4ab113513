import Foundation
import TestSupport
import Testing

@testable import KedastralCommandLine
@testable import KedastralDaemon

@Suite("The version")
struct VersionTests {
  private func text(_ path: String) throws -> String {
    try String(contentsOf: Repository.root.appendingPathComponent(path), encoding: .utf8)
  }

  @Test("the version is defined in one place in code")
  func onePlace() throws {
    let sources = Repository.root.appendingPathComponent("Sources")
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL }
    // Remote write 1.0 has a number of its own.
    let protocolVersion = "X-Prometheus-Remote-Write-Version\", \"0.1.0\""
    let holders = try (files ?? []).filter { $0.pathExtension == "swift" }
      .filter {
        try String(contentsOf: $0, encoding: .utf8).replacing(protocolVersion, with: "")
          .contains("\"\(Program.version)\"")
      }
    #expect(holders.map(\.lastPathComponent) == ["KedastralService.swift"])
  }

  @Test("it is a semantic version, and the newest release in the changelog")
  func changelog() throws {
    #expect(Program.version.wholeMatch(of: /\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?/) != nil)
    let headings = try text("CHANGELOG.md").matches(of: /\n## \[([^\]]+)\]/).map { String($0.1) }
    #expect(headings.first == "Unreleased" && headings.dropFirst().first == Program.version, "\(headings)")
  }

  @Test("the README depends on it, and the security policy supports it")
  func pages() throws {
    #expect(try text("README.md").contains("--from \(Program.version)\n"))
    let minor = Program.version.split(separator: ".").prefix(2).joined(separator: ".")
    #expect(try text("SECURITY.md").contains("(\(minor).x)"))
  }

  @Test("every program prints it", arguments: ["kedastral", "kedastral-forecaster", "kedastral-scaler"])
  func programs(name: String) async throws {
    let run = try await Daemon.run(name, ["--version"])
    #expect(run.exitCode == 0 && run.output == "\(name) \(Program.version)\n")
  }
}
