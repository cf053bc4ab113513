import Foundation
import KedastralCore
import KedastralKubernetes
import KedastralSources

@testable import KedastralDaemon

/// Objects for tests.
enum Policies {
  /// The fields that the API server's defaults do not give, and the defaults.
  static let spec: JSONValue = [
    "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": "web"], "metric": "rps",
    "dataSourceRef": ["kind": "DataSource", "name": "prometheus"], "model": ["type": "baseline"],
    "forecast": ["horizon": "30m", "step": "1m", "interval": "30s", "window": "8d"],
    "capacity": [
      "targetPerPod": 100, "headroom": .number(1.2), "quantileLevel": "0", "minReplicas": 1, "maxReplicas": 100,
      "upMaxFactorPerStep": 2, "downMaxPercentPerStep": 50,
    ],
    "leadTime": "10m", "mode": "replicas", "select": "max", "dryRun": false, "scaledObject": "managed",
    "fallback": ["enabled": true, "failureThreshold": 3, "behavior": "currentReplicasIfHigher"],
  ]

  static let source: JSONValue = [
    "type": "prometheus", "config": ["url": "http://prometheus:9090", "query": "sum(rps)"],
  ]

  static func policy(
    _ name: String = "web", in namespace: String = "shop", uid: String? = nil, created: String? = nil,
    changes: JSONValue = [:]
  ) -> ForecastPolicy {
    var metadata = ObjectMetadata(
      name: name, namespace: namespace, uid: uid ?? "uid-\(namespace)-\(name)", generation: 1)
    metadata.creationTimestamp = created
    return ForecastPolicy(metadata: metadata, spec: spec.merging(changes))
  }

  static func dataSource(_ name: String = "prometheus", in namespace: String = "shop", _ spec: JSONValue = source)
    -> DataSource
  { DataSource(metadata: ObjectMetadata(name: name, namespace: namespace), spec: spec) }
}

extension JSONValue {
  /// This with the members of another object, which also replace those of objects inside; null removes one.
  func merging(_ other: JSONValue) -> JSONValue {
    guard case .object(var members) = self, case .object(let changes) = other else { return other }
    for (key, value) in changes {
      members[key] = value == .null ? nil : (members[key].map { $0.merging(value) } ?? value)
    }
    return .object(members)
  }
}
