import KedastralCore
import KedastralSources

/// Where the number of a workload's starting pods comes from, whose samples are left out.
package enum StartingPodsConfiguration: Sendable, Equatable {
  /// A query, and whether it follows from the workload's name.
  case query(endpoint: HTTPEndpoint, text: String, isDefault: Bool)
  /// The pods of the workload's target, from the Kubernetes API.
  case target
}

extension WorkloadReader {
  /// Where the number of starting pods comes from; nil when all samples count.
  func readStartingPods(
    _ own: WorkloadSection?, of workload: WorkloadName, source: SourceConfiguration
  ) -> StartingPodsConfiguration? {
    let query = given.text(Settings.startingPodsQuery, own?.startingPodsQuery, defaults?.startingPodsQuery)
    guard let drops = given.value(Settings.dropWhileStarting, own?.dropWhileStarting, defaults?.dropWhileStarting),
      drops.value
    else {
      if let query {
        problems.add(
          query.origin, "the query is used with dropWhileStarting only; set dropWhileStarting: true, or remove it")
      }
      return nil
    }
    guard case .prometheus(let settings) = source else {
      problems.add(
        drops.origin,
        "the starting pods are counted by a query to the workload's Prometheus, and its source is none; remove dropWhileStarting"
      )
      return nil
    }
    return .query(
      endpoint: settings.endpoint, text: query?.value ?? PodStartupQuery.starting(of: workload), isDefault: query == nil
    )
  }
}
