/// The object of KEDA with which triggers authenticate at the scaler.
package struct TriggerAuthentication: Sendable, Equatable {
  /// Whose objects it serves: those of its namespace, or all.
  package enum Kind: String, Sendable, CaseIterable {
    case namespaced = "TriggerAuthentication"
    case clusterWide = "ClusterTriggerAuthentication"
  }

  package var kind: Kind
  package var name: String

  /// Creates a reference.
  package init(_ kind: Kind = .namespaced, name: String) {
    self.kind = kind
    self.name = name
  }
}

extension TriggerAuthentication: SettingValue {
  static var placeholder: String { "[KIND/]NAME" }

  init(settingText: String) throws(SettingValueError) {
    let parts = settingText.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let name = parts.last ?? ""
    let isName = !name.isEmpty && name.utf8.count <= 253 && KubernetesName.isSubdomain(name)
    let kind = parts.count == 2 ? Kind(rawValue: parts[0]) : .namespaced
    guard let kind, parts.count <= 2, isName else {
      throw SettingValueError(
        wrong: "is not the name of a TriggerAuthentication",
        right: "write one such as kedastral or ClusterTriggerAuthentication/kedastral")
    }
    self.init(kind, name: name)
  }
}

/// Which characters the names of objects have in Kubernetes.
enum KubernetesName {
  /// Whether the text has only characters of a DNS label.
  static func isLabel(_ text: String) -> Bool { text.utf8.allSatisfy(isLabelByte) }

  /// Whether the text has only characters of a DNS subdomain.
  static func isSubdomain(_ text: String) -> Bool {
    text.utf8.allSatisfy { isLabelByte($0) || $0 == UInt8(ascii: ".") }
  }

  private static func isLabelByte(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
  }
}
