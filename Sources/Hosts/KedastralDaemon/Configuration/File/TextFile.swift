import FoundationEssentials
import Glibc

/// Reads a text file whole, with a bound on its size.
enum TextFile {
  /// Why a file cannot be read.
  struct ReadError: Error, CustomStringConvertible {
    let description: String
  }

  /// The text of the file at `path`, at most `limit` bytes of UTF-8, or of UTF-16 that begins with its mark.
  static func read(_ path: String, limit: Int = YAMLParser.Limits().bytes) throws(ReadError) -> String {
    guard let file = fopen(path, "r") else { throw ReadError(description: String(cString: strerror(errno))) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      errno = 0
      let count = fread(&chunk, 1, chunk.count, file)
      bytes += chunk[..<count]
      guard bytes.count <= limit else { throw ReadError(description: "it is larger than \(limit) bytes") }
      if count < chunk.count {
        if ferror(file) != 0 { throw ReadError(description: String(cString: strerror(errno))) }
        break
      }
    }
    let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
    let decoded =
      isUTF16 ? String(bytes: bytes, encoding: .utf16) : String(validating: bytes, as: UTF8.self)
    guard let text = decoded else {
      throw ReadError(description: "it is not UTF-8 text")
    }
    return text
  }
}
