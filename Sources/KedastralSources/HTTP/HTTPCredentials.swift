import KedastralNet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The authentication of a request. It is never shown by printing, interpolating or dumping it.
package enum HTTPCredentials: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// No credentials.
  case none
  /// A bearer token.
  case bearer(String)
  /// A bearer token in a file, read again whenever the file changes, so that a rotated token is used.
  case bearerFile(SecretFile)
  /// User and password.
  case basic(user: String, password: String)

  /// A bearer token in a file, read again whenever the file changes.
  package static func bearer(file: String) -> HTTPCredentials { .bearerFile(SecretFile(path: file)) }

  package var description: String {
    switch self {
    case .none: "none"
    case .bearer, .bearerFile: "bearer token"
    case .basic(let user, _): "user \(user)"
    }
  }

  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// The current value of the Authorization header, or nil.
  func authorization() throws -> String? {
    switch self {
    case .none: nil
    case .bearer(let token): "Bearer " + token
    case .bearerFile(let file): "Bearer " + (try file.read())
    case .basic(let user, let password): "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }
  }
}
