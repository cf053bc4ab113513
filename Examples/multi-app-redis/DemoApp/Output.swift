import Glibc

/// Text to standard output or error, at once, also where that is a file or a pipe.
enum Output {
  /// Writes text and a line's end to standard output.
  static func say(_ text: String) { put(text + "\n", to: STDOUT_FILENO) }

  /// Writes a problem as one line to standard error.
  static func complain(_ problem: String) { put("multi-app-demo: \(problem)\n", to: STDERR_FILENO) }

  /// Who reads no more gets no more: what cannot be written is dropped.
  private static func put(_ text: String, to descriptor: CInt) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
