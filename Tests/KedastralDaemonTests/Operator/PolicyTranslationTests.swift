import Foundation
import KedastralCore
import KedastralHTTP
import KedastralKubernetes
import KedastralSources
import TestSupport
import Testing

@testable import KedastralDaemon

@Suite("Translation of a ForecastPolicy")
struct PolicyTranslationTests {
  private let translation = PolicyTranslation(knownModels: ModelCatalog.names)

  private func read(
    _ changes: JSONValue = [:], source: JSONValue = Policies.source, credentials: SourceCredentials = .init()
  ) throws -> WorkloadConfiguration {
    try translation.workload(Policies.policy(changes: changes)) { _ in
      DescribedSource(spec: source, credentials: credentials)
    }
  }

  private func problems(_ changes: JSONValue, source: JSONValue = Policies.source) -> [String] {
    do {
      _ = try read(changes, source: source)
      return []
    } catch {
      return (error as? PolicyTranslation.Problem)?.texts ?? ["\(error)"]
    }
  }

  @Test("a policy is the workload that the file would describe")
  func workload() throws {
    var workload = try read()
    #expect(workload.target?.key == ObjectKey(namespace: "shop", name: "web"))
    workload.target = nil
    var named = Policies.policy()
    named.metadata.labels = ["team": "web", "namespace": "x"]
    let labelled = try translation.workload(named) { _ in DescribedSource(spec: Policies.source, credentials: .init()) }
    #expect(labelled.labels == ["team": "web", "namespace": "shop"] && workload.labels == ["namespace": "shop"])
    workload.labels = [:]
    let loader = ConfigurationLoader(knownModels: ModelCatalog.names, environment: [:]) { _ in
      """
      workloads:
        - name: shop_web
          metric: rps
          source: {url: 'http://prometheus:9090', query: sum(rps)}
          model: baseline
          policy: {targetPerPod: 100}
      """
    }
    guard case .run(let configuration) = try loader.forecaster(arguments: ["-config", "k.yaml"]) else {
      Issue.record("no configuration")
      return
    }
    #expect([workload] == configuration.workloads)
  }

  @Test("samples are left out by the pods of the target, or by a query")
  func startingPods() throws {
    #expect(try read().startingPods == nil)
    #expect(try read(["dropWhileStarting": true]).startingPods == .target)
    guard
      case .query(_, "sum(starting)", false)? = try read(
        ["dropWhileStarting": true, "startingPodsQuery": "sum(starting)"]
      ).startingPods
    else {
      Issue.record("no query")
      return
    }
  }

  @Test("an objective takes the place of the headroom that every object has by default, and of nothing else")
  func objective() throws {
    let capacity: JSONValue = ["headroom": .number(1.2), "quantileLevel": "0", "objective": "99.9%"]
    #expect(try read(["capacity": capacity]).policy.objective == 0.999)
    let both = problems(["capacity": ["objective": "safe", "quantileLevel": "p90"]])
    #expect(both.count == 1 && both[0].contains("capacity.objective") && both[0].contains("exclude each other"))
  }

  @Test("each optional field arrives")
  func fields() throws {
    let workload = try read([
      "query": "sum(other)", "dryRun": true,
      "model": ["type": "sarima", "sarima": ["p": 1, "seasonalP": 2, "seasonalPeriod": 24]],
      "forecast": [
        "settleTime": "3m", "maxSampleAge": "11m", "bridge": "7m", "timeZone": "Europe/Berlin", "window": "1d12h",
        "series": ["ahead": ["5m", "20m"], "quantiles": ["p90"]],
      ],
      "capacity": [
        "quantileLevel": "p90", "shortageCost": 30, "minReplicas": 0, "maxReplicas": 7, "upMaxFactorPerStep": 3,
        "downMaxPercentPerStep": 20, "prewarmSteps": 2, "rounding": "floor", "reactiveFloor": true,
        "accuracyGate": .number(0.5), "activationThreshold": 4,
      ],
      "schedules": [["begins": "30 8 * * mon-fri", "duration": "2h", "minReplicas": 5]],
      "calendar": [
        "country": "DE-BY",
        "days": [["name": "sale", "start": "2026-12-01 18:00", "end": "2026-12-01 22:00", "load": .number(2.5)]],
      ],
    ])
    #expect(workload.calendar?.country?.text == "DE-BY" && workload.calendar?.days.first?.likeness == .load(2.5))
    #expect(workload.isDryRun && workload.timeZone == "Europe/Berlin" && workload.window == .seconds(129_600))
    #expect(
      workload.settleTime == .seconds(180) && workload.maxSampleAge == .seconds(660) && workload.bridge == .seconds(420)
    )
    #expect(workload.model.order?.p == 1 && workload.model.order?.seasonalP == 2 && workload.model.order?.season == 24)
    #expect(workload.series == ForecastSeries(ahead: [.seconds(300), .seconds(1200)], quantiles: [0.9]))
    let policy = workload.policy
    #expect(policy.quantileLevel == 0.9 && policy.shortageCost == 30 && policy.minReplicas == 0)
    #expect(
      policy.maxReplicas == 7 && policy.upMaxFactor == 3 && policy.downMaxPercent == 20 && policy.prewarmSteps == 2)
    #expect(policy.rounding == .floor && policy.reactiveFloor && policy.accuracyGate == 0.5)
    #expect(policy.activationThreshold == 4 && policy.schedules.count == 1 && policy.schedules[0].minReplicas == 5)
    guard case .prometheus(let source) = workload.source else {
      Issue.record("another source")
      return
    }
    #expect(source.query == "sum(other)" && source.endpoint.url == "http://prometheus:9090")
  }

  @Test("an error names the object's field, and says the same as for the file")
  func errors() {
    #expect(
      problems(["capacity": ["minReplicas": 9, "maxReplicas": 3]]) == [
        "spec.capacity.minReplicas: the minimum 9 is more than the maximum 3; raise one or lower the other"
      ])
    #expect(
      problems(["forecast": ["step": "1 minute"]]).first?.hasPrefix("spec.forecast.step: '1 minute' is not a duration")
        == true)
    #expect(
      problems(["model": ["type": "prophet"]]).first?.hasPrefix("spec.model.type: 'prophet' is not a known model")
        == true)
    #expect(
      problems(["schedules": [["begins": "soon", "duration": "2h", "minReplicas": 5]]]).first?
        .hasPrefix("spec.schedules[0].begins: 'soon' is not a schedule") == true)
    #expect(
      problems([:], source: ["type": "prometheus", "config": ["query": "up", "tokn": "x"]])
        .first?.hasPrefix("DataSource 'prometheus': spec.config.tokn: unknown key 'tokn'") == true)
    #expect(
      problems([:], source: ["type": "scrape", "config": ["url": "http://a", "metric": "m", "query": "up"]])
        .first?.contains("a source of type scrape has no key 'query'") == true)
    #expect(
      problems(["forecast": ["interval": "1ms"]]) == ["spec.forecast.interval: must not be shorter than a second"])
    #expect(problems(["metric": .null]).count == 1)
    #expect(
      problems(["calendar": ["days": [["name": "sale", "date": "soon"]]]]) == [
        "spec.calendar.days[0].date: 'soon' is not a date; write one such as 2026-12-24"
      ])
    #expect(problems(["dataSourceRef": .null]) == ["spec.dataSourceRef.name: is missing; name a DataSource"])
  }

  @Test(
    "hostile values end in an error, not in a crash",
    arguments: [
      ["capacity": ["targetPerPod": .number(.infinity)]], ["capacity": ["maxReplicas": .number(1e300)]],
      ["capacity": "many"], ["model": [1, 2]], ["schedules": [1]], ["forecast": ["window": "99999999w"]],
      ["forecast": ["step": ["a": ["b": []]]]], ["metric": ["x"]],
    ] as [JSONValue])
  func hostile(_ changes: JSONValue) { #expect(!problems(changes).isEmpty) }

  @Test("an object can read neither files nor variables of the forecaster")
  func confined() throws {
    for key in ["bearerTokenFile", "caFile", "certFile", "keyFile", "path"] {
      #expect(
        problems([:], source: ["type": "prometheus", "config": ["query": "up", .init(key): "/etc/passwd"]]) == [
          "DataSource 'prometheus': spec.config.\(key): files of the forecaster cannot be named here; "
            + "use secretRefs and configMapRef"
        ], "\(key)")
    }
    #expect(!problems([:], source: ["type": "csv", "config": ["path": "/etc/passwd"]]).isEmpty)
    guard case .prometheus(let source) = try read(["query": "up{x=\"${HOME}\"}"]).source else { return }
    #expect(source.query == "up{x=\"${HOME}\"}")
  }

  @Test("a policy sets what is requested, not where or as whom")
  func sourceConfig() throws {
    #expect(
      problems(["sourceConfig": ["url": "http://elsewhere"]]) == [
        "spec.sourceConfig.url: belongs to the data source; only what is requested can be set here"
      ])
    guard
      case .scrape(let source) = try read(
        ["sourceConfig": ["metric": "queue", "labels": "app=web"]],
        source: ["type": "scrape", "config": ["url": "http://web/metrics", "metric": "other"]]
      ).source
    else {
      Issue.record("another source")
      return
    }
    #expect(source.metric == "queue" && source.labels == ["app": "web"])
  }

  @Test("a policy selects what is pushed to the forecaster")
  func pushed() throws {
    let otlp = try read(
      ["sourceConfig": ["attributes": "service.name=shop"]], source: ["type": "otlp", "config": ["metric": "requests"]])
    #expect(
      otlp.source
        == .push(
          PushSourceConfiguration(
            selector: PushSelector(.otlp, metric: "requests", attributes: ["service.name": "shop"]))))
    let written = try read(
      ["sourceConfig": ["metric": "served", "labels": "app=shop", "rate": "true"]],
      source: ["type": "remoteWrite", "config": [:]])
    #expect(
      written.source
        == .push(
          PushSourceConfiguration(
            selector: PushSelector(.remoteWrite, metric: "served", attributes: ["app": "shop"], isCount: true))))
  }

  @Test("a file of the forecaster cannot be the past of a source, a URL can")
  func bootstrap() throws {
    let scrape: JSONValue = ["type": "scrape", "config": ["url": "http://web/metrics", "metric": "m"]]
    #expect(
      problems([:], source: scrape.merging(["config": ["bootstrap": "/etc/passwd"]])) == [
        "DataSource 'prometheus': spec.config.bootstrap: files of the forecaster cannot be named here; "
          + "write an http or https URL"
      ])
    #expect(
      problems(["sourceConfig": ["bootstrap": "past.csv"]], source: scrape) == [
        "spec.sourceConfig.bootstrap: files of the forecaster cannot be named here; write an http or https URL"
      ])
    #expect(problems(["sourceConfig": ["bootstrap": "https://archive/past.csv"]], source: scrape).isEmpty)
  }

  @Test("a trigger of KEDA is in the policy's namespace unless the source names another one, and needs a certificate")
  func keda() throws {
    let source: JSONValue = [
      "type": "keda", "config": ["scaledObject": "web"], "secretRefs": ["tls": ["name": "keda"]],
    ]
    let credentials = SourceCredentials(tls: TLSTexts(authorities: [65], certificate: [66], key: [67]))
    func settings(_ config: JSONValue) throws -> KedaSourceConfiguration? {
      let workload = try read(
        ["sourceConfig": ["trigger": "lag"]], source: source.merging(["config": config]), credentials: credentials)
      if case .keda(let settings) = workload.source { return settings }
      return nil
    }
    let own = try #require(try settings([:]))
    #expect(own.namespace == "shop" && own.scaledObject == "web" && own.trigger == "lag")
    #expect(own.server.tls?.texts.certificate == [66] && own.server.tls?.texts.key == [67])
    #expect(own.server.tls?.texts.authorities == [65] && own.server.tls?.certificate == nil)
    #expect(!"\(own)".contains("67"))
    #expect(try settings(["namespace": "other"])?.namespace == "other")
    #expect(
      problems([:], source: source.merging(["secretRefs": .null])) == [
        "DataSource 'prometheus': spec.secretRefs.tls: KEDA's metrics service requires a client certificate; "
          + "name the Secret that has it"
      ])
  }

  @Test("a lead time that is measured by a query of the policy's own needs no pods")
  func leadTimeQuery() throws {
    guard case .query(let query)? = try read(["leadTime": "auto", "leadTimeQuery": "max(startup)"]).leadTime else {
      Issue.record("no query")
      return
    }
    #expect(query.text == "max(startup)" && query.endpoint.url == "http://prometheus:9090")
    #expect(
      problems(["leadTimeQuery": "max(startup)"]).first?.hasPrefix(
        "spec.leadTimeQuery: the query is used with the lead time auto only") == true)
  }

  @Test("credentials and certificates come from Secrets, and appear in no error")
  func credentials() throws {
    let credentials = SourceCredentials(token: Secret("${t}"), tls: TLSTexts(authorities: [65]))
    guard case .prometheus(let source) = try read(credentials: credentials).source else { return }
    #expect(source.endpoint.credentials == .bearer("${t}"))
    #expect(source.endpoint.tlsTexts.authorities == [65])
    do {
      _ = try read(
        source: Policies.source.merging(["config": ["basicUser": "u"]]),
        credentials: SourceCredentials(token: Secret("hush")))
      Issue.record("two credentials were accepted")
    } catch { #expect(!"\(error)".contains("hush")) }
  }

  @Test("a further metric takes the policy's settings, and nothing of another source")
  func others() throws {
    let translated = try translation.workload(
      Policies.policy(changes: [
        "query": "sum(own)", "capacity": ["minReplicas": 2],
        "otherMetrics": [
          ["metric": "queue", "query": "sum(queue)", "capacity": ["targetPerPod": 10]],
          [
            "metric": "jobs", "dataSourceRef": ["kind": "ClusterDataSource", "name": "central"], "query": "sum(jobs)",
            "capacity": ["targetPerPod": 5], "model": ["type": "theta"],
          ],
        ],
      ])
    ) { reference in
      reference.isClusterWide
        ? DescribedSource(spec: [
          "type": "prometheus", "config": ["url": "http://prometheus:9090", "proxy": "http://p:1"],
        ])
        : DescribedSource(spec: Policies.source, credentials: SourceCredentials(token: Secret("own")))
    }
    #expect(translated.otherMetrics.map(\.metric) == ["queue", "jobs"])
    #expect(translated.otherMetrics.map(\.policy.targetPerPod) == [10, 5])
    #expect(translated.otherMetrics.map(\.policy.minReplicas) == [2, 2])
    #expect(translated.otherMetrics.map(\.model.name) == ["baseline", "theta"])
    let authentications = translated.otherMetrics.map { other in
      if case .prometheus(let source) = other.source { source.endpoint.credentials } else { HTTPCredentials.none }
    }
    #expect(authentications == [.bearer("own"), .none])
  }

  @Test("names of workloads are different for different policies")
  func names() {
    let keys = [
      ("a-b", "c"), ("a", "b-c"), ("a", "b.c"), ("a", "b-c.d"), ("a", "b.c-d"), ("a", "b.c.d"), ("b", "c"), ("a", "bc"),
    ].map(ObjectKey.init(namespace:name:))
    #expect(Set(keys.compactMap(WorkloadName.init(policy:))).count == keys.count)
    #expect(WorkloadName(policy: ObjectKey(namespace: "shop", name: "web.v1"))?.text == "shop_web_v1")
    let longest = ObjectKey(namespace: String(repeating: "n", count: 63), name: String(repeating: "x", count: 189))
    #expect(WorkloadName(policy: longest)?.text.count == 253)
    for (namespace, name) in [("", "a"), ("a", ""), ("a_b", "c"), ("a", "b_c"), ("a", "B"), ("a", "é")] {
      #expect(WorkloadName(policy: ObjectKey(namespace: namespace, name: name)) == nil, "\(namespace)/\(name)")
    }
  }

  @Test("the definitions have the defaults and choices of the settings")
  func definitions() throws {
    let policy = try Definition("forecastpolicies")
    for (field, setting) in [
      ("forecast.horizon", Settings.horizon.descriptor), ("forecast.step", Settings.step.descriptor),
      ("forecast.interval", Settings.interval.descriptor), ("forecast.window", Settings.window.descriptor),
      ("model.type", Settings.model.descriptor), ("capacity.headroom", Settings.headroom.descriptor),
      ("capacity.quantileLevel", Settings.quantileLevel.descriptor),
      ("capacity.minReplicas", Settings.minReplicas.descriptor),
      ("capacity.maxReplicas", Settings.maxReplicas.descriptor),
      ("capacity.upMaxFactorPerStep", Settings.upMaxFactor.descriptor),
      ("capacity.downMaxPercentPerStep", Settings.downMaxPercent.descriptor),
    ] {
      #expect(policy.default(of: field) == setting.defaultText, "\(field)")
    }
    #expect(Set(policy.choices(of: "model.type")) == Set(ModelCatalog.names))
    #expect(
      Set(policy.choices(of: "capacity.rounding")) == Set(StandardCapacityPolicy.Rounding.allCases.map(\.rawValue)))
    #expect(Set(policy.choices(of: "mode")) == Set(ScalingQuestion.Mode.allCases.map(\.rawValue)))
    #expect(Set(policy.choices(of: "select")) == Set(ScalingQuestion.Selection.allCases.map(\.rawValue)))
    for name in ["datasources", "clusterdatasources"] {
      #expect(
        Set(try Definition(name).choices(of: "type"))
          == Set(SourceKind.allCases.map(\.rawValue)).subtracting(["csv"]))
    }
  }
}

/// A CustomResourceDefinition of deploy/crds.
private struct Definition {
  private let root: YAMLNode

  init(_ name: String) throws {
    let file = Repository.root.appendingPathComponent("deploy/crds/\(name).yaml")
    root = try YAMLParser.parse(String(contentsOf: file, encoding: .utf8), file: name, limits: .init())
  }

  func `default`(of field: String) -> String? {
    if case .scalar(let text, _, _) = node(field, "default") { text } else { nil }
  }

  func choices(of field: String) -> [String] {
    guard case .sequence(let items, _) = node(field, "enum") else { return [] }
    return items.compactMap { if case .scalar(let text, _, _) = $0 { text } else { nil } }
  }

  private func node(_ field: String, _ last: String) -> YAMLNode? {
    var way = ["spec", "versions", "0", "schema", "openAPIV3Schema", "properties", "spec"]
    way += field.split(separator: ".").flatMap { ["properties", String($0)] } + [last]
    return way.reduce(root as YAMLNode?) { node, key in
      switch node {
      case .mapping(let entries, _): entries.first { $0.key == key }?.value
      case .sequence(let items, _): items.first
      default: nil
      }
    }
  }
}
