/// A configuration file and which content of it was read.
package struct WatchedFile: Sendable, Equatable {
  /// Where the file is.
  package var path: String
  /// Stands for the content that was read; the same within one process alone.
  package var contentHash: Int

  init(path: String, text: String) {
    self.path = path
    contentHash = Self.hash(text)
  }

  /// Stands for what the file at `path` holds now; nil when it cannot be read.
  package static func contentHash(of path: String) -> Int? { (try? TextFile.read(path)).map(hash) }

  private static func hash(_ text: String) -> Int {
    var hasher = Hasher()
    for byte in text.utf8 { hasher.combine(byte) }
    return hasher.finalize()
  }
}
