import KedastralKubernetes
import KedastralSources

extension PodTarget {
  /// The target of a `scaleTargetRef`; nil without a name.
  init?(_ reference: JSONValue, in namespace: String) {
    guard let name = reference["name"].text else { return nil }
    let version = reference["apiVersion"].text ?? "apps/v1"
    let kind = reference["kind"].text ?? "Deployment"
    let parts = version.split(separator: "/", maxSplits: 1).map(String.init)
    // The API's own names of types are formed like this.
    resource = ResourceType(
      group: parts.count == 2 ? parts[0] : "", version: parts.last ?? version, plural: "\(kind.lowercased())s",
      kind: kind)
    key = ObjectKey(namespace: namespace, name: name)
  }
}
