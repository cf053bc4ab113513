import KedastralCore
import KedastralKubernetes
import KedastralSources

/// Where the lead time for a workload's triggers without one comes from.
package enum LeadTimeConfiguration: Sendable, Equatable {
  /// A setting.
  case fixed(Duration)
  /// The start-up of its pods, as kube-state-metrics reports it to a Prometheus.
  case query(LeadTimeQuery)
  /// The start-up of the pods of an object, as the Kubernetes API reports it.
  case pods(PodTarget, pollingInterval: Duration)
}

/// The object whose pods are measured.
package struct PodTarget: Sendable, Equatable {
  /// Its type.
  package var resource: ResourceType
  /// Its namespace and name.
  package var key: ObjectKey
}

/// The query that measures how long a workload's pods take to start.
package struct LeadTimeQuery: Sendable, Equatable {
  /// The server.
  package var endpoint: HTTPEndpoint
  /// The query; it returns the seconds of each pod.
  package var text: String
  /// Whether the query follows from the workload's name.
  package var isDefault = false
}

extension LeadTimeConfiguration {
  /// How often KEDA's metric is requested: a horizontal autoscaler requests it every 15 seconds.
  static let pollingInterval = Duration.seconds(15)

  /// The setting that it is written as.
  var choice: LeadTimeChoice {
    switch self {
    case .fixed(let duration): .fixed(duration)
    case .query, .pods: .auto
    }
  }
}
