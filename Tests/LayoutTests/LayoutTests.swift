import Foundation
import TestSupport
import Testing

@Suite("Layout of the sources")
struct LayoutTests {
  /// Circles that there are. A folder is added to none of them, and a line goes when its circle has been mended.
  private static let known: [String: [Set<String>]] = [:]

  @Test("folders of a module do not use each other in a circle")
  func circles() throws {
    let modules = try Manifest.modules()
    #expect(modules.count >= 10)
    for module in modules {
      let known = Self.known[module.name] ?? []
      let circles = module.circles
      for circle in circles where !known.contains(where: { circle.isSubset(of: $0) }) {
        Issue.record("\(module.name): \(circle.sorted()) use each other:\n\(module.explanation(of: circle))")
      }
      for listed in known where !circles.contains(where: { $0.isSubset(of: listed) }) {
        Issue.record("\(module.name): \(listed.sorted()) use each other no longer; take them off the list")
      }
    }
  }

  @Test("a module imports those modules of the package alone that the manifest lists for it")
  func imports() throws {
    let modules = try Manifest.modules()
    let names = Set(modules.map(\.name))
    for module in modules {
      #expect(module.imports.intersection(names).subtracting(module.dependencies) == [], "\(module.name)")
    }
  }

  @Test("the modules without C libraries import what macOS has, and a C library's functions in one file only")
  func portable() throws {
    let modules: Set = [
      "KedastralCore", "KedastralModels", "KedastralEvaluation", "KedastralTesting", "KedastralMemoryStore",
    ]
    let allowed: Set = ["Foundation", "FoundationEssentials", "Synchronization"]
    for name in modules {
      let folder = Repository.root.appendingPathComponent(
        name == "KedastralMemoryStore" ? "Sources/KedastralStorage/Memory" : "Sources/\(name)")
      let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL }
      for file in (files ?? []).filter({ $0.pathExtension == "swift" }) {
        let imports = try String(contentsOf: file, encoding: .utf8).matches(of: /(?m)^ *import (\w+)/).map {
          String($0.1)
        }
        let system = Set(imports).subtracting(modules).subtracting(allowed)
        let isCLibrary = file.lastPathComponent == "ElementaryFunctions.swift"
        #expect(system.isSubset(of: isCLibrary ? ["Glibc", "Musl", "Darwin"] : []), "\(file.path): \(system)")
      }
    }
  }

  @Test("a circle is found through types, nested types, functions, interpolations and extensions")
  func finds() {
    for use in [
      "let plan: Plan", "let step: Plan.Step", "func f() { draw() }", "let text = \"a \\(draw(\"b\"))\"",
      "extension Plan {}",
      "func f(_ step: [Plan.Step?]) {}",
    ] {
      let module = SourceModule(files: [
        "A/Plan.swift": "struct Plan {\n  struct Step {}\n  let line: Line\n}\nfunc draw() {}\n",
        "B/Line.swift": "struct Line {}\n\(use)\n",
      ])
      #expect(module.circles == [["A", "B"]], "\(use)")
    }
  }

  @Test("a circle over three folders is found, and what it uses is named")
  func three() {
    let module = SourceModule(files: [
      "A/One.swift": "struct One { let two: Two }\n", "B/Two.swift": "struct Two { let three: Three }\n",
      "C/Three.swift": "struct Three { let one: One }\n", "Four.swift": "struct Four { let one: One }\n",
    ])
    #expect(module.circles == [["A", "B", "C"]])
    #expect(module.explanation(of: ["A", "B", "C"]).contains("A uses B: Two in A/One.swift"))
  }

  @Test("no circle is seen in comments, texts, members and private types of the same name")
  func findsNothing() {
    for use in [
      "// a Plan", "/* Plan */", "let text = \"Plan\"", "let text = #\"a \"Plan\" \\(b)\"#",
      "let text = \"\"\"\n  Plan\n  \"\"\"",
      "let value = other.Plan", "private struct Plan {}\nlet plan: Plan",
      "struct Other {\n  enum Plan {}\n  let plan: Plan\n}",
    ] {
      let module = SourceModule(files: [
        "A/Plan.swift": "struct Plan {\n  let line: Line\n}\n", "B/Line.swift": "struct Line {}\n\(use)\n",
      ])
      #expect(module.circles == [], "\(use)")
    }
  }

  @Test("a type in an extension belongs to the extension's folder")
  func extensions() {
    let module = SourceModule(files: [
      "Store.swift": "struct Store {}\n",
      "A/Settings.swift": "extension Store {\n  struct Settings {}\n}\n",
      "B/Line.swift": "struct Line {\n  let settings: Store.Settings\n}\n",
    ])
    #expect(module.uses["B"] == ["A": "Store.Settings in B/Line.swift"])
    #expect(module.circles == [])
  }
}
