import KedastralCore
import KedastralKubernetes
import KedastralSources

/// Reads a policy and its sources as the configuration file's section of a workload: its settings are read and checked in one
/// place, ``WorkloadReader``, whichever form they come in.
///
/// Flags, environment and the file's defaults do not apply to a policy: it means the same in every installation.
struct PolicyTranslation {
  /// A policy cannot be used: all problems, one line each, each beginning with the object's field.
  struct Problem: Error, Equatable, CustomStringConvertible {
    enum Kind: Sendable { case invalid, sourceNotFound, credentialsNotFound, credentialsUnread }

    var kind = Kind.invalid
    let texts: [String]
    var description: String { texts.joined(separator: "\n") }
  }

  /// Finds a source.
  ///
  /// - Throws: ``Problem`` when it, or something that it refers to, is not there.
  typealias FindSource = (SourceReference) throws(Problem) -> DescribedSource

  /// The model names that a policy may have.
  let knownModels: [String]

  /// The keys of a source's section that a policy may set, because they say what is requested, not where or as whom.
  static let requestKeys = [
    "labelValue", "partialResponse", "body", "valuePath", "timestampPath", "timestampFormat", "metric", "labels",
    "attributes", "rate", "scaledObject", "trigger", "bootstrap",
  ]

  /// The keys that objects cannot have: they would give away files of this process.
  static let refusedSourceKeys = [
    "type", "path", "speed", "bearerTokenFile", "caFile", "certFile", "keyFile",
  ]

  /// The shortest time between two forecasts: one policy must not take the process from the others.
  static let shortestInterval = Duration.seconds(1)

  private static let times = [
    "horizon", "step", "interval", "window", "settleTime", "maxSampleAge", "bridge", "timeZone",
  ]
  .map { (file: $0, object: $0) }

  /// Files of the forecaster cannot be named.
  private static let calendarDay = ["name", "date", "start", "end", "before", "after", "like", "load"]
    .map { (file: $0, object: $0) }

  /// Other queries of the policy's source; a schedule would be a file of the forecaster.
  private static let covariate = ["name", "query"].map { (file: $0, object: $0) }

  private static let series = ["ahead", "quantiles", "write"].map { (file: $0, object: $0) }

  private static let capacity =
    [
      "targetPerPod", "headroom", "quantileLevel", "shortageCost", "objective", "prewarmSteps", "rounding",
      "reactiveFloor",
      "accuracyGate", "activationThreshold",
    ].map { (file: $0, object: $0) } + [
      (file: "min", object: "minReplicas"), (file: "max", object: "maxReplicas"),
      (file: "upMaxFactor", object: "upMaxFactorPerStep"), (file: "downMaxPercent", object: "downMaxPercentPerStep"),
    ]

  private static let orders = ["p", "d", "q"].map { (file: $0, object: $0) }

  private static let seasonalOrders =
    orders + [
      (file: "P", object: "seasonalP"), (file: "D", object: "seasonalD"), (file: "Q", object: "seasonalQ"),
      (file: "s", object: "seasonalPeriod"),
    ]

  private static let schedule = [
    (file: "begins", object: "begins"), (file: "duration", object: "duration"), (file: "min", object: "minReplicas"),
    (file: "max", object: "maxReplicas"),
  ]

  /// The keys of a workload's section that fields of a policy become, but for those of its source.
  static let fileKeys = Set(
    [
      "metric", "dryRun", "leadTime", "leadTimeQuery", "replicasQuery", "dropWhileStarting", "startingPodsQuery",
      "model.name", "model.byomUrl",
      "calendar.country",
    ]
      + times.map(\.file)
      + series.map { "series.\($0.file)" }
      + capacity.map { "policy.\($0.file)" }
      + seasonalOrders.map { "model.\($0.file)" })

  /// The workload of a policy.
  ///
  /// - Throws: ``Problem`` with all that is wrong.
  func workload(_ policy: ForecastPolicy, source: FindSource) throws(Problem) -> WorkloadConfiguration {
    guard let name = WorkloadName(policy: policy.key) else {
      throw Problem(texts: ["metadata.name: namespace and name must not have more than 252 characters together"])
    }
    var result = try read(policy.spec, "spec", of: policy, name: name, source: source)
    guard result.interval >= Self.shortestInterval else {
      throw Problem(texts: ["spec.forecast.interval: must not be shorter than a second"])
    }
    result.labels = (policy.metadata.labels ?? [:]).merging(["namespace": policy.key.namespace]) { $1 }
    result.target = PodTarget(policy.spec["scaleTargetRef"], in: policy.key.namespace)
    if policy.spec["leadTime"].text == PolicyScaling.measured, result.leadTime == nil {
      let interval = PolicyScaling.pollingInterval(policy, minReplicas: result.policy.minReplicas)
      result.leadTime = result.target.map { .pods($0, pollingInterval: interval) }
    }
    if policy.spec["dropWhileStarting"] == .bool(true), result.startingPods == nil { result.startingPods = .target }
    for (index, other) in (policy.spec["otherMetrics"].elements ?? []).enumerated() {
      // Each is read as a workload of its own, so that it inherits nothing of another source: its credentials above all.
      let section = try read(
        policy.spec.with(other), "spec.otherMetrics[\(index)]", of: policy, name: name, source: source)
      result.otherMetrics.append(
        MetricConfiguration(
          metric: section.metric, source: section.source, model: section.model, policy: section.policy))
    }
    return result
  }

  private func read(
    _ spec: JSONValue, _ field: String, of policy: ForecastPolicy, name: WorkloadName, source: FindSource
  ) throws(Problem) -> WorkloadConfiguration {
    guard let reference = SourceReference(spec["dataSourceRef"], in: policy.key.namespace) else {
      throw Problem(texts: ["\(field).dataSourceRef.name: is missing; name a DataSource"])
    }
    let described = try source(reference)
    try Self.refuseFiles(described.spec, "\(reference): spec")
    try Self.refuseAccess(spec["sourceConfig"], "\(field).sourceConfig")
    var tree = SectionTree()
    var entries = [("name", tree.text(name.text, "metadata.name"))]
    entries += tree.entries(
      [("metric", "metric"), ("dryRun", "dryRun"), ("replicasQuery", "replicasQuery")], of: spec, field)
    if spec["leadTimeQuery"] != .null {
      entries += tree.entries(
        [("leadTime", "leadTime"), ("leadTimeQuery", "leadTimeQuery")], of: spec, field)
    }
    if spec["startingPodsQuery"] != .null {
      entries += tree.entries(
        [("dropWhileStarting", "dropWhileStarting"), ("startingPodsQuery", "startingPodsQuery")], of: spec, field)
    }
    entries += tree.entries(Self.times, of: spec["forecast"], "\(field).forecast")
    if spec["forecast"]["series"] != .null {
      let place = "\(field).forecast.series"
      entries.append(("series", tree.mapping(tree.entries(Self.series, of: spec["forecast"]["series"], place), place)))
    }
    if spec["calendar"] != .null {
      entries.append(("calendar", Self.calendar(spec["calendar"], "\(field).calendar", &tree)))
    }
    if let covariates = spec["covariates"].elements {
      let nodes = covariates.enumerated().map { index, covariate in
        let place = "\(field).covariates[\(index)]"
        return tree.mapping(tree.entries(Self.covariate, of: covariate, place), place)
      }
      entries.append(("covariates", .sequence(nodes, tree.mark("\(field).covariates"))))
    }
    let source = Self.source(described, "\(reference): spec", spec, field, in: policy.key.namespace, &tree)
    entries.append(("source", source))
    entries.append(("model", Self.model(spec["model"], "\(field).model", &tree)))
    entries.append(("policy", Self.policy(spec, field, &tree)))
    let root = tree.mapping(entries.map { (key: $0.0, value: $0.1) }, field)
    var workload = try decode(root, tree, field, "\(reference): spec")
    workload.source.tlsTexts = described.credentials.tls
    for index in workload.covariates.indices {
      guard case .source(var source) = workload.covariates[index].values else { continue }
      source.tlsTexts = described.credentials.tls
      workload.covariates[index].values = .source(source)
    }
    return workload
  }

  /// - Parameters:
  ///   - field: the field of the root.
  ///   - sourceField: that of the source.
  private func decode(
    _ root: YAMLNode, _ tree: SectionTree, _ field: String, _ sourceField: String
  ) throws(Problem) -> WorkloadConfiguration {
    guard tree.defects.isEmpty else { throw Problem(texts: tree.defects) }
    let problems = ProblemList()
    // Nothing of this process's environment may reach an object.
    let context = YAMLDecodingContext(file: "", environment: [:], problems: problems)
    var workload: WorkloadReader.Workload?
    do {
      let section = try YAMLNodeDecoder.decode(
        Section<WorkloadSection>.self, from: root, path: "workloads[0]", codingPath: [], context: context)
      let given = GivenSettings(host: .forecaster, arguments: [], environment: [:], problems: problems)
      var reader = WorkloadReader(given: given, defaults: nil, knownModels: knownModels, problems: problems)
      // From a Secret; the translation demands its reference.
      reader.sourceHasCertificate = true
      workload = reader.read(section)
    } catch let problem as ConfigurationProblem {
      problems.add(problem)
    } catch {
      throw Problem(texts: ["\(error)"])
    }
    guard let workload, problems.problems.isEmpty else {
      let texts = problems.problems.map { Self.withField(tree.text(of: $0), field, sourceField) }
      throw Problem(texts: texts.isEmpty ? ["spec: is incomplete"] : texts)
    }
    return workload.configuration
  }

  private static func source(
    _ source: DescribedSource, _ sourceField: String, _ spec: JSONValue, _ field: String, in namespace: String,
    _ tree: inout SectionTree
  ) -> YAMLNode {
    var entries = tree.entries([("type", "type")], of: source.spec, sourceField)
    // The triggers of a policy are those of its namespace, unless the source says otherwise.
    if source.spec["type"].text == SourceKind.keda.rawValue {
      entries.append(("namespace", tree.text(namespace, "metadata.namespace")))
    }
    for (key, value) in (source.spec["config"].members ?? [:]).sorted(by: { $0.key < $1.key }) {
      entries.append((key, tree.node(value, "\(sourceField).config.\(key)")))
    }
    entries += tree.entries([("query", "query")], of: spec, field)
    for (key, value) in (spec["sourceConfig"].members ?? [:]).sorted(by: { $0.key < $1.key }) {
      entries.append((key, tree.node(value, "\(field).sourceConfig.\(key)")))
    }
    let secrets = "\(sourceField).secretRefs"
    if let token = source.credentials.token {
      entries.append(("bearerToken", tree.text(token.text, "\(secrets).token")))
    }
    if let user = source.credentials.user {
      entries.append(("basicUser", tree.text(user, "\(secrets).basicAuth")))
    }
    if let password = source.credentials.password {
      entries.append(("basicPassword", tree.text(password.text, "\(secrets).basicAuth")))
    }
    return tree.mapping(entries, sourceField)
  }

  private static func calendar(_ calendar: JSONValue, _ field: String, _ tree: inout SectionTree) -> YAMLNode {
    var entries = tree.entries([("country", "country")], of: calendar, field)
    if let days = calendar["days"].elements {
      let nodes = days.enumerated().map { index, day in
        tree.mapping(tree.entries(calendarDay, of: day, "\(field).days[\(index)]"), "\(field).days[\(index)]")
      }
      entries.append(("days", .sequence(nodes, tree.mark("\(field).days"))))
    }
    return tree.mapping(entries, field)
  }

  private static func model(_ model: JSONValue, _ field: String, _ tree: inout SectionTree) -> YAMLNode {
    var entries = tree.entries([("name", "type"), ("byomUrl", "byomURL")], of: model, field)
    switch model["type"].text {
    case "arima": entries += tree.entries(orders, of: model["arima"], "\(field).arima")
    case "sarima": entries += tree.entries(seasonalOrders, of: model["sarima"], "\(field).sarima")
    default: break
    }
    return tree.mapping(entries, field)
  }

  private static func policy(_ spec: JSONValue, _ field: String, _ tree: inout SectionTree) -> YAMLNode {
    var entries = tree.entries(capacity, of: spec["capacity"], "\(field).capacity")
    // Every object has a headroom, by the definition's default.
    if spec["capacity"]["objective"].text != nil { entries.removeAll { $0.0 == "headroom" } }
    if let schedules = spec["schedules"].elements {
      let nodes = schedules.enumerated().map { index, schedule in
        let field = "spec.schedules[\(index)]"
        return tree.mapping(tree.entries(Self.schedule, of: schedule, field), field)
      }
      entries.append(("schedules", .sequence(nodes, tree.mark("spec.schedules"))))
    }
    return tree.mapping(entries, "\(field).capacity")
  }
}

extension JSONValue {
  /// A policy's spec as that of one of its further metrics, whose missing settings are the policy's, except what is requested.
  fileprivate func with(_ other: JSONValue) -> JSONValue {
    guard var members else { return other }
    for key in [
      "query", "sourceConfig", "metric", "otherMetrics", "leadTimeQuery", "replicasQuery", "dropWhileStarting",
      "startingPodsQuery", "covariates",
    ] {
      members[key] = nil
    }
    for (key, value) in other.members ?? [:] where key != "capacity" { members[key] = value }
    let capacity = (members["capacity"]?.members ?? [:]).merging(other["capacity"].members ?? [:]) { $1 }
    members["capacity"] = .object(capacity)
    return .object(members)
  }
}
