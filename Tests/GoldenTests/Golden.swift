import Foundation
import TestSupport
import Testing

/// What users, other versions and other programs see, as it was recorded.
///
/// A recorded value may not change or go; something may be added beside it. `KEDASTRAL_RECORD=1 swift test --filter GoldenTests`
/// records again. The difference then shows in the fixtures, and belongs into CHANGELOG.md when a recorded value changed.
enum Golden {
  /// Whether this run records.
  static let isRecording = ProcessInfo.processInfo.environment["KEDASTRAL_RECORD"] != nil

  private static let folder = Repository.root.appendingPathComponent("Tests/GoldenTests/Fixtures")

  /// Compares with the fixture of this name, or records it.
  static func check(
    _ name: String, _ actual: JSONDocument, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    if isRecording { try write(name, actual) }
    for difference in actual.differences(from: try read(name)) {
      Issue.record("\(name): \(difference)", sourceLocation: sourceLocation)
    }
  }

  /// A fixture.
  static func read(_ name: String) throws -> JSONDocument {
    try JSONDocument(json: Data(contentsOf: folder.appendingPathComponent(name + ".json")))
  }

  /// Records a fixture.
  static func write(_ name: String, _ value: JSONDocument) throws {
    try (value.data(isPretty: true) + Data("\n".utf8)).write(to: folder.appendingPathComponent(name + ".json"))
  }
}

/// One of this package's programs.
enum Kedastral {
  /// Starts it.
  static func start(
    _ name: String = "kedastral", arguments: [String], environment: [String: String] = [:]
  ) throws -> ChildProcess {
    let path = Repository.products.appendingPathComponent(name).path
    return try ChildProcess(path, arguments: arguments, environment: environment)
  }

  /// Runs it to its end, which must be a success, and returns what it wrote.
  static func run(
    _ name: String, _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let process = try start(name, arguments: arguments)
    let code = try await process.waitForExit()
    #expect(code == 0, "\(name) \(arguments): \(process.output)", sourceLocation: sourceLocation)
    return process.output
  }

  /// What curl gets from an HTTP server on the loopback address; empty when nothing answers.
  static func get(_ url: String) async throws -> String {
    let request = try ChildProcess("curl", "--silent", "--insecure", "--max-time", "10", url)
    _ = try await request.waitForExit()
    return request.output
  }
}
