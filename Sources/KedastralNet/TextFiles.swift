import COpenSSL
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
package final class SecretFile: Sendable, Equatable {
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

  /// Whether both are of the same path.
  package static func == (left: SecretFile, right: SecretFile) -> Bool { left.path == right.path }

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
    return try holding(text, body) ?? body(path)
  }

  /// Calls `body` with a path at which a library finds a text; nil when this system has no such paths.
  static func holding<Result>(_ text: [UInt8], _ body: (String) throws -> Result) rethrows -> Result? {
    // In memory alone: a copy of a key must not come to lie in a folder.
    guard let file = try? MemoryFile(text) else { return nil }
    return try withExtendedLifetime(file) { try body(file.path) }
  }
}

/// Which content a path leads to: changes when the file is written or replaced, also by way of a symbolic link.
package struct FileVersion: Sendable, Equatable {
  private let device: UInt
  private let inode: UInt
  private let size: Int
  private let seconds: Int
  private let nanoseconds: Int

  /// Looks at a file; nil when there is none, with the reason in `errno`.
  package init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt(status.st_dev)
    inode = UInt(status.st_ino)
    size = Int(status.st_size)
    seconds = status.st_mtim.tv_sec
    nanoseconds = status.st_mtim.tv_nsec
  }
}

/// Reads the bytes of a text file as text.
package enum TextBytes {
  /// The text without its byte order mark: UTF-8, or UTF-16 when a mark says so; nil when it is neither.
  package static func decode(_ bytes: [UInt8]) -> String? {
    switch (bytes.first, bytes.dropFirst().first) {
    case (0xFF, 0xFE): utf16(bytes) { UInt16($1) << 8 | UInt16($0) }
    case (0xFE, 0xFF): utf16(bytes) { UInt16($0) << 8 | UInt16($1) }
    default: String(validating: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...], as: UTF8.self)
    }
  }

  private static func utf16(_ bytes: [UInt8], _ unit: (UInt8, UInt8) -> UInt16) -> String? {
    guard bytes.count.isMultiple(of: 2) else { return nil }
    return String(
      validating: stride(from: 2, to: bytes.count, by: 2).map { unit(bytes[$0], bytes[$0 + 1]) }, as: UTF16.self)
  }
}
