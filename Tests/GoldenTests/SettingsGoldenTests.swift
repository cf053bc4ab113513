import Foundation
import TestSupport
import Testing

@Suite("Golden: settings")
struct SettingsGoldenTests {
  @Test(
    "each recorded flag, with its variable and default, is in the program's help",
    arguments: ["kedastral", "kedastral-forecaster", "kedastral-scaler"])
  func flags(program: String) async throws {
    let help =
      program == "kedastral"
      ? try await Kedastral.run(program, "run", "--help") : try await Kedastral.run(program, "--help")
    // "  -horizon DURATION  [HORIZON]", and below it words that may end with "(default 30m)".
    var settings: [String: JSONDocument] = [:]
    for entry in help.matches(of: /\n  -([\w-]+)(?: (\S+))?  \[(\w+)\]((?:\n {6}\S.*)+)/) {
      let words = entry.4.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      let standard = words.firstMatch(of: /\(default (.*)\)$/).map { JSONDocument.text(String($0.1)) } ?? .null
      settings["-\(entry.1)"] = [
        "environment": .text(String(entry.3)), "default": standard, "isSwitch": .bool(entry.2 == nil),
      ]
    }
    #expect(settings.count > 30)
    try Golden.check("settings-\(program)", .object(settings))
  }

  @Test("each recorded key of the configuration file is documented with its flag, default and readers")
  func fileKeys() throws {
    let page = try String(contentsOf: Repository.root.appendingPathComponent("docs/settings.md"), encoding: .utf8)
    var keys: [String: JSONDocument] = [:]
    for line in page.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| Flag") {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "") }
      guard cells.count >= 7, !cells[3].isEmpty else { continue }
      let aliases = cells[6].matches(of: /(-[\w-]+) \((\w+)\)/).map { JSONDocument.text("\($0.1) \($0.2)") }
      keys[cells[3]] = [
        "flag": .text(cells[1]), "environment": .text(cells[2]), "default": .text(cells[4]), "readers": .text(cells[5]),
        "aliases": .list(aliases),
      ]
    }
    #expect(keys.count > 50)
    try Golden.check("settings-file", .object(keys))
  }
}
