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
    guard !policy.namespace.isEmpty, KubernetesName.isLabel(policy.namespace), KubernetesName.isSubdomain(policy.name)
    else { return nil }
    try? self.init("\(policy.namespace)_\(String(policy.name.map { $0 == "." ? "_" : $0 }))")
  }
}
