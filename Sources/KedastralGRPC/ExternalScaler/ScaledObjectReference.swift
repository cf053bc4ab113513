import KedastralCore

/// The ScaledObject of KEDA's request, with its trigger's metadata.
package struct ScaledObjectReference: Sendable, Equatable {
  /// The ScaledObject's name.
  package var name: String
  /// Its namespace.
  package var namespace: String
  /// The trigger's metadata; KEDA passes every key, also those that are not ours.
  package var metadata: Metadata

  /// Creates a reference.
  package init(name: String, namespace: String = "", metadata: Metadata = [:]) {
    self.name = name
    self.namespace = namespace
    self.metadata = metadata
  }

  /// A few keys and values; looked through one by one, which is quicker than hashing them all.
  package struct Metadata: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    struct Entry: Sendable, Equatable {
      var key: String
      var value: String
    }

    private(set) var entries: [Entry] = []

    /// Creates metadata; of a key given twice the last value counts.
    package init(dictionaryLiteral elements: (String, String)...) {
      for (key, value) in elements { append(key, value) }
    }

    /// Makes room for `count` keys.
    package mutating func reserveCapacity(_ count: Int) { entries.reserveCapacity(count) }

    /// Adds a key, behind the others.
    package mutating func append(_ key: String, _ value: String) { entries.append(Entry(key: key, value: value)) }

    /// The value of a key.
    package subscript(key: String) -> String? {
      entries.last { $0.key.utf8.count == key.utf8.count && $0.key == key }?.value
    }
  }
}

/// The requests of KEDA at every poll.
struct MetricsRequest: Equatable {
  var reference: ScaledObjectReference
  /// The metric's name as GetMetricSpec gave it.
  var metricName: String
}

extension ScaledObjectReference {
  /// The keys that a trigger can set.
  private static let keys = [
    "workload", "metricName", "leadTime", "mode", "select", "activationThreshold", "headroom", "workloads",
    "placeholder",
  ]
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
