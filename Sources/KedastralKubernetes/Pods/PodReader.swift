import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads the pods of an object from the Kubernetes API: the selector from its subresource `scale`, then the pods.
package actor PodReader: StartupSource, PodCounter {
  /// An object whose pods cannot be distinguished from others.
  struct NoSelector: Error, CustomStringConvertible {
    let resource: ResourceType
    let key: ObjectKey
    var description: String { "the \(resource.kind) '\(key)' has no selector of pods in its scale" }
  }

  private let client: KubernetesClient
  private let resource: ResourceType
  private let key: ObjectKey
  private var startups = PodStartups()

  /// Creates a reader.
  ///
  /// - Parameters:
  ///   - resource: the type of the object.
  ///   - key: its namespace and name.
  package init(_ client: KubernetesClient, podsOf resource: ResourceType, _ key: ObjectKey) {
    self.client = client
    self.resource = resource
    self.key = key
  }

  package func startupSeconds(at now: Date) async throws -> [Double] {
    startups.note(try await pods(selected: try await client.scale(of: resource, key).selector), at: now)
    return startups.seconds
  }

  /// The pods that run or start. When they may not be listed, the number that the object gives counts.
  package func runningPods() async throws -> RunningPods {
    let scale = try await client.scale(of: resource, key)
    do {
      let running = try await pods(selected: scale.selector).filter(\.isRunning)
      return RunningPods(replicas: running.count, ready: running.count(where: \.isReady))
    } catch {
      guard !Task.isCancelled, let replicas = scale.replicas else { throw error }
      return RunningPods(replicas: replicas)
    }
  }

  /// The pods that are not ready and were created in the last quarter of an hour: older ones do not start, they fail.
  func startingPods(at now: Date) async throws -> Int {
    let scale = try await client.scale(of: resource, key)
    return try await pods(selected: scale.selector).count { pod in
      pod.isRunning && !pod.isReady && pod.created.map { $0 > now - .seconds(900) } ?? false
    }
  }

  private func pods(selected selector: String?) async throws -> [Pod] {
    guard let selector else { throw NoSelector(resource: resource, key: key) }
    return try await client.list(Pod.self, namespace: key.namespace, labelSelector: selector).objects
  }
}

/// The starting pods of an object, as a source whose newest sample is their number now; earlier numbers are unknown.
package struct StartingPods: MetricSource {
  private let reader: PodReader

  package init(_ reader: PodReader) { self.reader = reader }

  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    guard let newest = series.values.indices.last else { return series }
    series.values[newest] = Double(try await reader.startingPods(at: series.instant(at: newest)))
    return series
  }
}
