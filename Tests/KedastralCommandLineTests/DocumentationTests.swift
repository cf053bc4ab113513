import Foundation
import KedastralDaemon
import TestSupport
import Testing

@Suite("Documentation")
struct DocumentationTests {
  private func text(_ path: String) throws -> String {
    try String(contentsOf: Repository.root.appendingPathComponent(path), encoding: .utf8)
  }

  /// A fenced block of a page, with the HTML comment on the line before it.
  private struct Block {
    let language: Substring
    let note: Substring
    let text: String
  }

  private func blocks(of page: String) throws -> [Block] {
    var blocks: [Block] = []
    var note: Substring = ""
    var open: (language: Substring, lines: [Substring])?
    for line in try text(page).split(separator: "\n", omittingEmptySubsequences: false) {
      if let (language, lines) = open {
        if line == "```" {
          blocks.append(Block(language: language, note: note, text: lines.joined(separator: "\n")))
          open = nil
          note = ""
        } else {
          open = (language, lines + [line])
        }
      } else if line.hasPrefix("```") {
        open = (line.dropFirst(3), [])
      } else {
        note = line.hasPrefix("<!-- ") && line.hasSuffix(" -->") ? line.dropFirst(5).dropLast(4) : ""
      }
    }
    return blocks
  }

  @Test("the page of settings matches the table in code; KEDASTRAL_WRITE_DOCS=1 writes it")
  func settings() throws {
    let page = """
      # Settings

      A setting is a flag (`-flag=value` or `-flag value`, one dash or two), an environment variable, or a key of the YAML file that
      `-config` names. A flag overrides the environment, the environment the file, the file the default.
      Durations: `30s`, `5m`, `1d12h`. This page is generated.

      In a value of the file:

      | written | stands for |
      |---|---|
      | `${NAME}` | the environment variable; an error when it is not set |
      | `${NAME:-default}` | the variable, or the default when it is not set or empty; `${NAME-default}`: only when it is not set |
      | `${NAME:?message}` | the variable; an error with the message when it is not set or empty; `${NAME?message}`: only when it is not set |
      | `$${` | the text `${` |

      A default may hold placeholders. Any other text after `${` is an error.


      """ + SettingsReference.markdown
    if ProcessInfo.processInfo.environment["KEDASTRAL_WRITE_DOCS"] != nil {
      try Data(page.utf8).write(to: Repository.root.appendingPathComponent("docs/settings.md"))
    }
    #expect(try text("docs/settings.md") == page)
  }

  private static let articles = [
    "GettingStarted", "WriteAMetricSource", "BringYourOwnModel", "UnitTestACapacityPolicy", "RunItInYourOwnService",
  ].map { "Sources/KedastralCore/KedastralCore.docc/\($0).md" }

  @Test("Swift code on a page comes from a snippet or an example that is compiled", arguments: ["README.md"] + articles)
  func snippets(page: String) throws {
    for block in try blocks(of: page) where block.language == "swift" {
      let path = try #require(block.note.hasPrefix("from: ") ? block.note.dropFirst(6) : nil)
      var shown: [Substring] = []
      var isShown = false
      let file = try text(String(path)).trimmingCharacters(in: .newlines)
      for line in file.split(separator: "\n", omittingEmptySubsequences: false) {
        if line == "// snippet.hide" {
          isShown = false
        } else if line == "// snippet.show" {
          isShown = true
        } else if isShown {
          shown.append(line)
        }
      }
      #expect(block.text == shown.joined(separator: "\n"))
    }
  }

  @Test(
    "snippets that end by themselves run without a failed check",
    arguments: ["OwnModel", "OwnSource", "QuickStart"])
  func snippetsRun(name: String) async throws {
    let run = try await Daemon.run(name, [])
    #expect(run.exitCode == 0, "\(run.output)")
  }

  /// All pages, relative to the root.
  private func pages() throws -> [String] {
    let manager = FileManager.default
    func names(in folder: String) throws -> [String] {
      try manager.contentsOfDirectory(atPath: Repository.root.appendingPathComponent(folder).path).sorted()
    }
    let documents = try names(in: "docs").filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
    let examples = try names(in: "Examples").map { "Examples/\($0)/README.md" }.filter {
      manager.fileExists(atPath: Repository.root.appendingPathComponent($0).path)
    }
    return try names(in: ".").filter { $0.hasSuffix(".md") } + documents + examples
  }

  @Test("each test named on the security page exists")
  func claims() throws {
    let tests = Repository.root.appendingPathComponent("Tests")
    let files =
      FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
    let suites = try files.filter { $0.pathExtension == "swift" }.map { try String(contentsOf: $0, encoding: .utf8) }
    var count = 0
    for line in try text("docs/security.md").split(separator: "\n") where line.hasPrefix("| ") {
      var suite = ""
      for match in line.matches(of: /`(\w*)\.(\w+)`/) where !match.1.isEmpty || !suite.isEmpty {
        if !match.1.isEmpty { suite = String(match.1) }
        let home = suites.first { $0.contains("struct \(suite) ") }
        #expect(home?.contains("func \(match.2)(") == true, "\(suite).\(match.2)")
        count += 1
      }
    }
    #expect(count > 30)
  }

  @Test("links between pages have a target")
  func links() throws {
    for page in try pages() {
      let folder = Repository.root.appendingPathComponent(page).deletingLastPathComponent()
      for match in try text(page).matches(of: /\]\(([^)#]+)[^)]*\)/) where !match.1.hasPrefix("http") {
        let target = folder.appendingPathComponent(String(match.1))
        #expect(FileManager.default.fileExists(atPath: target.path), "\(page) links to \(match.1)")
      }
    }
  }
}
