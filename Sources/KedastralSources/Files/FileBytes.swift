import Glibc

/// Reads whole files, pipes included.
package enum FileBytes {
  /// Why a file cannot be read, with the system's error text.
  package struct ReadError: Error, CustomStringConvertible {
    /// The system's number of the error.
    let code: CInt
    package var description: String {
      code == ENOENT ? "no such file" : "the file cannot be read: \(String(cString: strerror(code)))"
    }
  }

  /// Reads a file from its beginning to its end.
  package static func read(path: String) throws(ReadError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ReadError(code: errno) }
    defer { close(descriptor) }
    return try readAll(descriptor)
  }

  /// Reads standard input to its end.
  package static func readStandardInput() throws(ReadError) -> [UInt8] { try readAll(STDIN_FILENO) }

  private static func readAll(_ descriptor: CInt) throws(ReadError) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count > 0 {
        bytes += buffer[..<count]
      } else if count == 0 {
        return bytes
      } else if errno != EINTR {
        throw ReadError(code: errno)
      }
    }
  }
}
