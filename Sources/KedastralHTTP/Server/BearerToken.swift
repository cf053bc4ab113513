/// A secret that clients show as `Authorization: Bearer <secret>`.
public struct BearerToken: Sendable {
  private let secret: [UInt8]

  /// Takes the secret; nil when it is empty or has characters that no header can carry.
  public init?(_ secret: String) {
    guard !secret.isEmpty, secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    self.secret = Array(secret.utf8)
  }

  /// Whether a header's value shows the secret. The time taken tells nothing of how much of it was right.
  package func isShown(by authorization: String?) -> Bool {
    guard let authorization else { return false }
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
    let shown = Array(parts[1].utf8)
    var difference = shown.count ^ secret.count
    for index in shown.indices { difference |= Int(shown[index] ^ secret[index % secret.count]) }
    return difference == 0
  }
}
