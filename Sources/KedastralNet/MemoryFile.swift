import COpenSSL
import Glibc

/// A file in memory, for libraries that read files alone. It is readable by its ``path`` as long as this object exists.
package final class MemoryFile: Sendable {
  /// Why a file cannot be made.
  package struct Problem: Error, CustomStringConvertible {
    package let description: String
  }

  /// Where this process reads it.
  package var path: String { "/proc/self/fd/\(descriptor)" }

  private let descriptor: CInt

  /// Creates a file.
  package init(_ bytes: [UInt8]) throws(Problem) { descriptor = try Self.create(bytes) }

  deinit { close(descriptor) }

  /// Replaces the content: a reader has the old or the new one, never a part.
  package func replace(_ bytes: [UInt8]) throws(Problem) {
    let new = try Self.create(bytes)
    defer { close(new) }
    guard dup2(new, descriptor) >= 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) >= 0 else {
      throw Problem(description: "dup2: \(errnoText())")
    }
  }

  private static func create(_ bytes: [UInt8]) throws(Problem) -> CInt {
    let descriptor = kedastral_memory_file("pem")
    guard descriptor >= 0 else { throw Problem(description: "memfd_create: \(errnoText())") }
    guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
      close(descriptor)
      throw Problem(description: "a file in memory cannot be written: \(errnoText())")
    }
    return descriptor
  }
}
