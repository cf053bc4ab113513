import KedastralNet

/// A secret that clients show as `Authorization: Bearer <secret>`. It is never printed.
package struct BearerToken: Sendable, CustomStringConvertible, CustomReflectable {
  private enum Kind: Sendable {
    case text([UInt8])
    case file(SecretFile)
  }

  private let kind: Kind

  /// Takes the secret; nil when it is empty or has characters that no header can carry.
  package init?(_ secret: String) {
    guard !secret.isEmpty, secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    kind = .text(Array(secret.utf8))
  }

  /// Reads the secret from a file, again whenever the file changes. While it cannot be read, all requests are refused.
  ///
  /// - Throws: the problem with the file; the message never contains its content.
  package init(file: String) throws {
    let secret = SecretFile(path: file)
    _ = try secret.read()
    kind = .file(secret)
  }

  /// Never the secret.
  package var description: String { "(bearer token)" }
  /// Empty.
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// Whether a header's value shows the secret. The time taken tells nothing of how much of it was right.
  package func isShown(by authorization: String?) -> Bool {
    guard let authorization else { return false }
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer", let secret else { return false }
    let shown = Array(parts[1].utf8)
    var difference = shown.count ^ secret.count
    for index in shown.indices { difference |= Int(shown[index] ^ secret[index % secret.count]) }
    return difference == 0
  }

  private var secret: [UInt8]? {
    switch kind {
    case .text(let bytes): bytes
    case .file(let file): (try? file.read()).map { Array($0.utf8) }
    }
  }
}
