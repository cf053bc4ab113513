import KedastralCore
import KedastralKubernetes

extension WorkloadName {
  /// The workload's name of a policy: `<namespace>_<name>`, with `_` for each dot of the name.
  ///
  /// No two policies have the same one. A namespace is a DNS label and a name is a DNS subdomain, so neither contains `_`: the
  /// first `_` ends the namespace, and each later one stands for a dot. `-` would not do: `a-b` and `c` would be joined to
  /// the same name as `a` and `b-c`.
  ///
  /// - Returns: nil when the two have more than 252 characters, or are not valid in Kubernetes.
  init?(policy: ObjectKey) {
    let isPlain = { (byte: UInt8) in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
    }
    guard !policy.namespace.isEmpty, policy.namespace.utf8.allSatisfy(isPlain),
      policy.name.utf8.allSatisfy({ isPlain($0) || $0 == UInt8(ascii: ".") })
    else { return nil }
    try? self.init("\(policy.namespace)_\(String(policy.name.map { $0 == "." ? "_" : $0 }))")
  }
}
