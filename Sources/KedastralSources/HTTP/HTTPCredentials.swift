import KedastralNet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The authentication of a request. Its description never contains the secret.
package struct HTTPCredentials: Sendable, CustomStringConvertible {
  private enum Kind {
    case none
    case bearer(Secret)
    case basic(user: String, password: Secret)
  }

  private enum Secret {
    case text(String)
    case file(SecretFile)

    func read() throws -> String {
      switch self {
      case .text(let text): text
      case .file(let file): try file.read()
      }
    }
  }

  private let kind: Kind

  /// No credentials.
  package static let none = HTTPCredentials(kind: .none)

  /// A bearer token.
  package static func bearer(_ token: String) -> HTTPCredentials { HTTPCredentials(kind: .bearer(.text(token))) }

  /// A bearer token in a file, read again whenever the file changes, so that a rotated token is used.
  package static func bearer(file: String) -> HTTPCredentials {
    HTTPCredentials(kind: .bearer(.file(SecretFile(path: file))))
  }

  /// User and password.
  package static func basic(user: String, password: String) -> HTTPCredentials {
    HTTPCredentials(kind: .basic(user: user, password: .text(password)))
  }

  /// User, and a password in a file that is read again whenever it changes.
  package static func basic(user: String, passwordFile: String) -> HTTPCredentials {
    HTTPCredentials(kind: .basic(user: user, password: .file(SecretFile(path: passwordFile))))
  }

  package var description: String {
    switch kind {
    case .none: "none"
    case .bearer: "bearer token"
    case .basic(let user, _): "user \(user)"
    }
  }

  /// The current value of the Authorization header, or nil.
  func authorization() throws -> String? {
    switch kind {
    case .none: nil
    case .bearer(let token): "Bearer " + (try token.read())
    case .basic(let user, let password):
      "Basic " + Data("\(user):\(try password.read())".utf8).base64EncodedString()
    }
  }
}
