/// Decides when a file that is looked at now and then has new content to read.
///
/// Content counts once it is the same at two looks, so that a file that is being written is left alone. A file that cannot be
/// read is content too: nil.
struct FileWatch<Version: Equatable & Sendable>: Sendable {
  private struct Look: Equatable {
    let version: Version?
    let content: Int?
  }

  /// Stands for the content that was last read, whatever came of it.
  var considered: Int?
  private var pending: Look?
  /// The version of the content that needs nothing more.
  private var settled: Version??

  /// Begins with the content that the process was started with.
  init(considered: Int?) { self.considered = considered }

  /// Whether this content has been read already.
  func hasConsidered(_ content: Int?) -> Bool { content == considered }

  /// Looks at the file.
  ///
  /// - Parameters:
  ///   - version: changes whenever the file is written or replaced; nil when there is none.
  ///   - content: stands for its content; called only when the version has changed.
  /// - Returns: whether there is new content, complete, to read.
  mutating func poll(_ version: Version?, content: () -> Int?) -> Bool {
    if let settled, settled == version, pending == nil { return false }
    let look = Look(version: version, content: content())
    guard look == pending else {
      pending = look
      return false
    }
    pending = nil
    settled = .some(version)
    return look.content != considered
  }
}
