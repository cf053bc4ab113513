import COpenSSL
import Glibc

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Files in PEM form as people save them: some editors put a byte order mark before the text, or write it as UTF-16, and
/// OpenSSL does not find the first line of such a file.
package enum PEMFile {
  /// The text of a file that begins with a byte order mark, without it; nil for any other file, which is good as it is.
  package static func unmarked(_ path: String) -> [UInt8]? {
    guard hasMark(path), let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
    return TextBytes.decode(Array(data)).map { Array($0.utf8) }
  }

  private static func hasMark(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var start: [UInt8] = [0, 0, 0]
    let count = read(descriptor, &start, start.count)
    return count == 3 && (start == [0xEF, 0xBB, 0xBF] || start[..<2] == [0xFF, 0xFE] || start[..<2] == [0xFE, 0xFF])
  }

  /// Calls `body` with a path at which a library finds the file's text without a byte order mark.
  static func reading<Result>(_ path: String, _ body: (String) throws -> Result) rethrows -> Result {
    guard let text = unmarked(path) else { return try body(path) }
    // In memory alone: a copy of a key must not come to lie in a folder.
    let descriptor = kedastral_memory_file("pem")
    guard descriptor >= 0 else { return try body(path) }
    defer { close(descriptor) }
    guard text.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == text.count else {
      return try body(path)
    }
    return try body("/proc/self/fd/\(descriptor)")
  }
}
