import Glibc
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A secret in a file, kept in memory and read again when the file changes.
///
/// Kubernetes rotates a projected token by swapping a symbolic link, so the file's identity is looked at as well as its time.
final class SecretFile: Sendable {
  /// Why a secret cannot be had.
  struct ReadError: Error, CustomStringConvertible {
    let path: String
    let problem: String
    var description: String { "cannot read the secret file \(path): \(problem)" }
  }

  private struct Version: Equatable {
    var device: UInt
    var inode: UInt
    var size: Int
    var seconds: Int
    var nanoseconds: Int
  }

  let path: String
  private let cached = Mutex<(version: Version, text: String)?>(nil)

  init(path: String) { self.path = path }

  /// The file's text without white space at its ends.
  func read() throws -> String {
    var status = stat()
    guard stat(path, &status) == 0 else { throw ReadError(path: path, problem: String(cString: strerror(errno))) }
    let version = Version(
      device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size),
      seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    return try cached.withLock { cached in
      if let cached, cached.version == version { return cached.text }
      guard let data = try? Data(contentsOf: URL(filePath: path)) else {
        throw ReadError(path: path, problem: "it cannot be opened")
      }
      let text = String(decoding: data, as: UTF8.self).trimmingPrefix { $0.isWhitespace }
      let end = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? text.startIndex
      let secret = String(text[..<end])
      guard !secret.isEmpty else { throw ReadError(path: path, problem: "it is empty") }
      guard secret.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
        throw ReadError(path: path, problem: "it holds more than one line")
      }
      cached = (version, secret)
      return secret
    }
  }
}
