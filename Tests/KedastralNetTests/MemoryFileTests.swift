import Foundation
import Testing

@testable import KedastralNet

@Suite("A file in memory")
struct MemoryFileTests {
  @Test("is read by its path, and is another version after it was replaced")
  func replace() throws {
    let file = try MemoryFile(Array("one".utf8))
    let path = file.path
    func text() -> String? { FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } }
    #expect(text() == "one")
    let before = FileVersion(path: path)
    try file.replace(Array("other".utf8))
    #expect(text() == "other" && file.path == path)
    withExtendedLifetime(file) { #expect(before != nil && FileVersion(path: path) != before) }
  }

  @Test("of its kind there can be many, and each goes with its object")
  func ends() throws {
    for index in 0..<5000 {
      let file = try MemoryFile(Array("\(index)".utf8))
      withExtendedLifetime(file) { #expect(FileVersion(path: file.path) != nil) }
    }
  }
}
