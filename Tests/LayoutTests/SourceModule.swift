import Foundation
import TestSupport

/// A Swift module of the package: its files by folder, and which folder uses which.
struct SourceModule {
  let name: String
  /// The modules that the manifest lets it import.
  let dependencies: Set<String>
  /// The folders in its folder; files beside them are in `.`.
  private(set) var folders: [String: [String: SwiftSource]] = [:]

  /// Reads all `.swift` files in a folder.
  init(name: String, dependencies: Set<String>, path: String) throws {
    self.name = name
    self.dependencies = dependencies
    let root = URL(filePath: Repository.root.path).appending(path: path)
    for case let file as String in FileManager.default.enumerator(atPath: root.path) ?? .init()
    where file.hasSuffix(".swift") {
      let parts = file.split(separator: "/")
      let folder = parts.count > 1 ? String(parts[0]) : "."
      let text = try String(contentsOf: root.appending(path: file), encoding: .utf8)
      folders[folder, default: [:]][file] = SwiftSource(text)
    }
  }

  /// Creates a module of given texts, by their paths.
  init(name: String = "Module", dependencies: Set<String> = [], files: [String: String]) {
    self.name = name
    self.dependencies = dependencies
    for (file, text) in files {
      let parts = file.split(separator: "/")
      folders[parts.count > 1 ? String(parts[0]) : ".", default: [:]][file] = SwiftSource(text)
    }
  }

  /// The modules that its files import.
  var imports: Set<String> { folders.values.flatMap(\.values).reduce(into: []) { $0.formUnion($1.imports) } }

  /// For each folder the others whose types and functions it uses, with an example each: `Plan in Loop/Planner.swift`.
  var uses: [String: [String: String]] {
    var places: [String: Set<String>] = [:]
    for (folder, files) in folders {
      for source in files.values { for name in source.declarations { places[name, default: []].insert(folder) } }
    }
    var uses: [String: [String: String]] = [:]
    for (folder, files) in folders {
      for (file, source) in files.sorted(by: { $0.key < $1.key }) {
        for name in source.uses.sorted() {
          // What several folders declare cannot be identified by its name.
          guard let found = Self.declaration(of: name, in: places), found.places.count == 1,
            let place = found.places.first, place != folder, uses[folder]?[place] == nil
          else { continue }
          uses[folder, default: [:]][place] = "\(found.name) in \(file)"
        }
      }
    }
    return uses
  }

  /// Where `A.B.C`, or the longest beginning of it that is declared, is declared.
  private static func declaration(
    of name: String, in places: [String: Set<String>]
  ) -> (name: String, places: Set<String>)? {
    var rest = name[...]
    while !rest.isEmpty {
      if let found = places[String(rest)] { return (String(rest), found) }
      guard let dot = rest.lastIndex(of: ".") else { return nil }
      rest = rest[..<dot]
    }
    return nil
  }

  /// The sets of folders that use each other, directly or by way of others.
  var circles: [Set<String>] {
    let uses = uses
    func reachable(from folder: String) -> Set<String> {
      var found: Set<String> = []
      var next = [folder]
      while let folder = next.popLast() {
        for used in (uses[folder] ?? [:]).keys where found.insert(used).inserted { next.append(used) }
      }
      return found
    }
    let reach = Dictionary(uniqueKeysWithValues: folders.keys.map { ($0, reachable(from: $0)) })
    let circles = folders.keys.map { folder in
      Set((reach[folder] ?? []).filter { reach[$0]?.contains(folder) == true })
    }
    return Array(Set(circles.filter { $0.count > 1 }))
  }

  /// What makes a circle, a line for each use.
  func explanation(of circle: Set<String>) -> String {
    let uses = uses
    return circle.sorted().flatMap { folder in
      (uses[folder] ?? [:]).filter { circle.contains($0.key) }.sorted { $0.key < $1.key }
        .map { "\(folder) uses \($0.key): \($0.value)" }
    }.joined(separator: "\n")
  }
}

/// The manifest's modules.
enum Manifest {
  /// The Swift modules of the package, tests excluded.
  static func modules() throws -> [SourceModule] {
    let text = try String(contentsOf: Repository.root.appending(path: "Package.swift"), encoding: .utf8)
    var modules: [SourceModule] = []
    for part in text.components(separatedBy: "arget(").dropFirst() {
      let entry = part.components(separatedBy: "arget(")[0]
      guard let name = quoted(behind: "name: ", in: entry).first else { continue }
      let path = quoted(behind: "path: ", in: entry).first ?? "Sources/\(name)"
      guard path.hasPrefix("Sources/") else { continue }
      let dependencies = quoted(behind: "dependencies: [", in: entry)
      let module = try SourceModule(name: name, dependencies: Set(dependencies), path: path)
      if !module.folders.isEmpty { modules.append(module) }
    }
    return modules
  }

  /// The texts in quotation marks behind `label`, up to the next closing bracket or other label.
  private static func quoted(behind label: String, in text: String) -> [String] {
    guard let start = text.range(of: label)?.upperBound else { return [] }
    let end = label.hasSuffix("[") ? "]" : "\n"
    let values = text[start...].components(separatedBy: end)[0].components(separatedBy: "\"")
    return values.indices.filter { !$0.isMultiple(of: 2) }.map { values[$0] }
  }
}
