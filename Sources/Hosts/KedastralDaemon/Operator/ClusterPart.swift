import Kedastral
import KedastralCore
import KedastralKubernetes
import KedastralNet
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The part of a forecaster that forecasts the policies of a cluster.
struct ClusterPart {
  /// Receives the plans, from which statuses are written.
  let board = PlanBoard()
  private let configuration: ForecasterConfiguration
  private let kubernetes: KubernetesConfiguration
  private let staleAfter: Duration

  /// - Parameter staleAfter: the age from which the scaler does not serve a plan.
  /// - Returns: nil when no cluster is configured.
  init?(_ configuration: ForecasterConfiguration, staleAfter: Duration = .seconds(120)) {
    guard let kubernetes = configuration.kubernetes else { return nil }
    self.configuration = configuration
    self.kubernetes = kubernetes
    self.staleAfter = staleAfter
  }

  /// The service to run.
  ///
  /// - Throws: when the access to the cluster is not configured.
  func services(
    _ workloads: MergedWorkloads, _ configured: ConfiguredForecaster, _ parts: ForecasterParts, on loop: EventLoop,
    clock: any WallClock, metrics: MetricsRegistry, logger: KedastralLogger
  ) throws -> [ServiceRunner.Service] {
    let access = try kubernetes.access()
    // One of its own: watches stay open, and the sources' requests must not wait for them.
    let client = KubernetesClient(access, http: try HTTPClient(on: loop), clock: clock)
    var sharesWorkloads = false
    if case .redis(_, let lease) = configuration.storage { sharesWorkloads = lease != nil }
    let health = parts.health
    let policies = PolicyOperator(
      client, namespace: kubernetes.namespace,
      settings: PolicyReconciler.Settings(
        knownModels: ModelCatalog.names, scalerAddress: "\(configuration.scalerAddress)",
        authentication: kubernetes.triggerAuthentication, staleAfter: staleAfter),
      forecaster: PolicyOperator.Forecaster(
        replace: { [board] new in
          _ = try await workloads.replacePolicies(new)
          let names = Set(new.map(\.name))
          board.keep(names.contains)
        },
        check: { configured.workloads.problem(of: $0) }, reserved: { await workloads.fileNames },
        observe: { [board] in PlanObservation(snapshot: board.snapshot(of: $0), problem: health.problem(of: $0)) },
        forecasts: { health.owns($0) }, sharesWorkloads: sharesWorkloads,
        report: { parts.report("kubernetes", problem: $0) }),
      identity: Self.identity, clock: clock, metrics: metrics, logger: logger)
    logger.info(
      "forecasting the policies of a cluster",
      ["server": access.endpoint.displayName, "namespace": kubernetes.namespace ?? "all"])
    return [{ await policies.run() }]
  }

  /// The pod's name, and what tells two processes of it apart.
  private static var identity: String {
    let host = ProcessInfo.processInfo.environment["HOSTNAME"] ?? ""
    return "\(host.isEmpty ? "kedastral" : host)_\(UUID().uuidString.prefix(8).lowercased())"
  }
}

extension KubernetesConfiguration {
  /// The access to the cluster.
  ///
  /// - Throws: when the kubeconfig, or the service account of the pod, cannot be used.
  func access() throws -> ClusterAccess {
    guard let kubeconfig else { return try ClusterAccess.inCluster() }
    do {
      let root = try YAMLParser.parse(try TextFile.read(kubeconfig), file: kubeconfig, limits: .init())
      let parsed = try JSONDecoder().decode(Kubeconfig.self, from: try JSONEncoder().encode(root.json))
      let folder =
        kubeconfig.contains("/") ? String(kubeconfig[..<(kubeconfig.lastIndex(of: "/") ?? kubeconfig.startIndex)]) : "."
      return try parsed.access(folder: folder.isEmpty ? "/" : folder)
    } catch let error as DecodingError {
      throw ClusterAccess.Problem(description: "\(kubeconfig) is not a kubeconfig: \(error)")
    } catch {
      throw ClusterAccess.Problem(description: "cannot use \(kubeconfig): \(error)")
    }
  }
}

extension YAMLNode {
  /// The same as JSON, with texts and truth values alone, which is all that a kubeconfig has.
  fileprivate var json: JSONValue {
    switch self {
    case .scalar(let text, let isPlain, _):
      if isNull {
        .null
      } else if isPlain, text == "true" || text == "false" {
        .bool(text == "true")
      } else {
        .string(text)
      }
    case .sequence(let items, _): .array(items.map(\.json))
    case .mapping(let entries, _): .object(Dictionary(entries.map { ($0.key, $0.value.json) }) { $1 })
    }
  }
}
