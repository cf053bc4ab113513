import KedastralCore

extension ScaledObjectReference {
  /// The keys that a trigger can set.
  private static let keys = ["workload", "metricName", "leadTime", "mode", "select", "activationThreshold"]
  /// Those that KEDA reads itself, and passes on like all others.
  private static let keysOfKEDA = [
    "scalerAddress", "enableTLS", "unsafeSsl", "caCert", "tlsClientCert", "tlsClientKey", "tlsCertFile",
    "scalerAddressFromEnv", "metricType",
  ]

  private static func isKnown(_ key: String) -> Bool { keys.contains(key) || keysOfKEDA.contains(key) }

  var hasUnknownKeys: Bool { metadata.entries.contains { !Self.isKnown($0.key) } }

  /// The unknown keys.
  var unknownKeys: [String] { metadata.entries.map(\.key).filter { !Self.isKnown($0) } }

  /// A message for each unknown key in the metadata.
  package var unknownKeyProblems: [String] {
    unknownKeys.map { key in
      let near = Suggestion.nearest(to: key, among: Self.keys).map { "did you mean '\($0)'?" }
      let known = "known keys are \(Self.keys.joined(separator: ", "))"
      return "unknown metadata key '\(key.prefix(60))'; \(near ?? known)"
    }
  }
}
