import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A secret in a file, kept in memory and read again when the file changes.
///
/// Kubernetes rotates a projected token by swapping a symbolic link, so the file's identity is looked at as well as its time.
package final class SecretFile: Sendable {
  /// Why a secret cannot be had.
  package struct ReadError: Error, CustomStringConvertible {
    let path: String
    let problem: String
    package var description: String { "cannot read the secret file \(path): \(problem)" }
  }

  /// Where the secret is.
  package let path: String
  private let cached = Mutex<(version: FileVersion, text: String)?>(nil)

  /// Names the file; it is read when it is needed.
  package init(path: String) { self.path = path }

  /// The file's text without a byte order mark and without white space at its ends.
  package func read() throws -> String {
    guard let version = FileVersion(path: path) else { throw ReadError(path: path, problem: errnoText()) }
    return try cached.withLock { cached in
      if let cached, cached.version == version { return cached.text }
      guard let data = try? Data(contentsOf: URL(filePath: path)) else {
        throw ReadError(path: path, problem: "it cannot be opened")
      }
      guard let text = TextBytes.decode(Array(data))?.trimmingPrefix(while: { $0.isWhitespace }) else {
        throw ReadError(path: path, problem: "it is not UTF-8 text")
      }
      let end = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? text.startIndex
      let secret = String(text[..<end])
      guard !secret.isEmpty else { throw ReadError(path: path, problem: "it is empty") }
      guard secret.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
        throw ReadError(path: path, problem: "it has more than one line")
      }
      cached = (version, secret)
      return secret
    }
  }
}
