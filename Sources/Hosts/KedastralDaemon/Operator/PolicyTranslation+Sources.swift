import KedastralCore
import KedastralKubernetes
import KedastralNet
import KedastralSources

extension PolicyTranslation {
  /// Refuses what would read a file of this process.
  static func refuseFiles(_ source: JSONValue, _ field: String) throws(Problem) {
    let config = source["config"].members ?? [:]
    if let key = config.keys.sorted().first(where: refusedSourceKeys.contains) {
      throw Problem(
        texts: [
          "\(field).config.\(key): files of the forecaster cannot be named here; use secretRefs and configMapRef"
        ])
    }
    try refuseFile(config["bootstrap"], "\(field).config.bootstrap")
    if source["type"].text == SourceKind.keda.rawValue, source["secretRefs"]["tls"]["name"].text == nil {
      throw Problem(
        texts: [
          "\(field).secretRefs.tls: KEDA's metrics service requires a client certificate; name the Secret that has it"
        ])
    }
  }

  /// Refuses what a policy may not set of its source.
  static func refuseAccess(_ config: JSONValue, _ field: String) throws(Problem) {
    if let key = (config.members ?? [:]).keys.sorted().first(where: { !requestKeys.contains($0) }) {
      throw Problem(
        texts: ["\(field).\(key): belongs to the data source; only what is requested can be set here"])
    }
    try refuseFile(config["bootstrap"], "\(field).bootstrap")
  }

  private static func refuseFile(_ bootstrap: JSONValue?, _ field: String) throws(Problem) {
    guard let text = bootstrap?.text, !text.hasPrefix("http://"), !text.hasPrefix("https://") else { return }
    throw Problem(texts: ["\(field): files of the forecaster cannot be named here; write an http or https URL"])
  }

  /// A problem with the field where a missing key of the source can be given.
  static func withField(_ text: String, _ field: String, _ sourceField: String) -> String {
    let start = "\(field): the key 'source."
    guard text.hasPrefix(start) else { return text }
    let rest = text.dropFirst(start.count)
    return rest.hasPrefix("query'")
      ? "\(field).query: is missing\(rest.dropFirst("query' is missing".count))"
      : "\(sourceField).config: the key '\(rest)"
  }

  /// What is wrong with a source itself, whichever policy uses it; nil when nothing is.
  ///
  /// - Parameter check: why a workload cannot be made of its settings; nil when it can.
  func problem(
    of reference: SourceReference, _ source: DescribedSource, check: (WorkloadConfiguration) -> String?
  ) -> Problem? {
    do throws(Problem) {
      let workload = try self.workload(Self.probe(of: reference, source.spec)) { _ in source }
      switch workload.source {
      case .http, .scrape: return check(workload).map { Problem(texts: ["spec.config: \($0)"]) }
      default: return nil
      }
    } catch {
      let name = "\(reference): "
      return Problem(texts: error.texts.map { $0.hasPrefix(name) ? String($0.dropFirst(name.count)) : $0 })
    }
  }

  /// A policy that has all that a source may leave to its policies.
  private static func probe(of reference: SourceReference, _ source: JSONValue) -> ForecastPolicy {
    let left: [String: JSONValue] =
      switch source["type"].text.flatMap(SourceKind.init) {
      case .http: ["valuePath": "value"]
      case .scrape: ["metric": "metric"]
      case .keda: ["scaledObject": "object", "trigger": "trigger"]
      default: [:]
      }
    let given = source["config"].members ?? [:]
    let takesQuery = [.prometheus, .victoriametrics].contains(source["type"].text.flatMap(SourceKind.init))
    return ForecastPolicy(
      metadata: ObjectMetadata(
        name: "any", namespace: reference.isClusterWide ? "any" : reference.key.namespace),
      spec: [
        "scaleTargetRef": ["name": "any"], "metric": "load", "capacity": ["targetPerPod": 1],
        "dataSourceRef": [
          "kind": .string(reference.resource.kind), "name": .string(reference.key.name),
        ],
        "query": takesQuery && given["query"] == nil ? "load" : .null,
        "sourceConfig": .object(left.filter { given[$0.key] == nil }),
      ])
  }
}

extension SourceConfiguration {
  /// Certificates as text, which objects have instead of files.
  var tlsTexts: TLSTexts {
    get {
      switch self {
      case .prometheus(let settings): settings.endpoint.tlsTexts
      case .http(let settings): settings.endpoint.tlsTexts
      case .scrape(let settings): settings.endpoint.tlsTexts
      case .keda(let settings): TLSTexts(settings.server.tls?.texts)
      case .csv, .registered: TLSTexts()
      }
    }
    set {
      switch self {
      case .prometheus(var settings):
        settings.endpoint.tlsTexts = newValue
        self = .prometheus(settings)
      case .http(var settings):
        settings.endpoint.tlsTexts = newValue
        self = .http(settings)
      case .scrape(var settings):
        settings.endpoint.tlsTexts = newValue
        self = .scrape(settings)
      case .keda(var settings):
        var files = settings.server.tls ?? TLSContext.Files()
        files.texts.certificate = newValue.certificate
        files.texts.key = newValue.key
        files.texts.authorities = newValue.authorities
        settings.server.tls = files
        self = .keda(settings)
      case .csv, .registered: break
      }
    }
  }
}

extension TLSTexts {
  fileprivate init(_ texts: TLSContext.Texts?) {
    self.init(authorities: texts?.authorities, certificate: texts?.certificate, key: texts?.key)
  }
}
