import KedastralCore
import KedastralNet
import KedastralSources
import Testing

@testable import KedastralDaemon

/// Every key that the configuration file has for a workload is given once in the file and once in objects; both must mean the same.
@Suite("Settings of the file in objects")
struct ReachableSettingsTests {
  /// The keys that objects do not have, and why.
  private static let unreachable: [String: String] = [
    "name": "a policy's namespace and name are the name", "labels": "the labels of the policy itself are they",
    "source.path": "a file of the forecaster", "source.speed": "of a file of the forecaster",
    "calendar.holidaysFile": "a file of the forecaster", "calendar.eventsFile": "a file of the forecaster",
    "source.bearerTokenFile": "a file of the forecaster; secretRefs.token takes its place",
    "source.caFile": "a file of the forecaster; configMapRef takes its place",
    "source.certFile": "a file of the forecaster; secretRefs.tls takes its place",
    "source.keyFile": "a file of the forecaster; secretRefs.tls takes its place",
  ]

  /// A workload in the file, and the same in objects.
  struct Form: Sendable, CustomTestStringConvertible {
    let name: String
    let file: String
    let source: JSONValue
    let policy: JSONValue
    var credentials = SourceCredentials()
    var testDescription: String { name }
  }

  static let forms = [prometheus, covariates, http, scrape, keda, otlp, remoteWrite]

  private static let prometheus = Form(
    name: "victoriametrics",
    file: """
      metric: rps
      dryRun: true
      horizon: 40m
      step: 2m
      interval: 20s
      window: 1d12h
      settleTime: 3m
      maxSampleAge: 11m
      bridge: 7m
      timeZone: Europe/Berlin
      replicasQuery: sum(ready)
      dropWhileStarting: true
      startingPodsQuery: sum(starting)
      calendar:
        country: DE-BY
        days:
          - {name: fair, date: 2026-10-01, before: 6h, after: 1d}
          - {name: sale, start: 2026-12-01 18:00, end: 2026-12-01 22:00, load: 2.5}
          - {name: bridge day, date: 2026-12-28, like: sunday}
      leadTime: auto
      leadTimeQuery: max(startup)
      series: {ahead: [4m], quantiles: [p75], write: 9m}
      source:
        {type: victoriametrics, url: 'http://vm:8428', query: sum by (app) (rps), label: app, labelValue: web,
         partialResponse: refuse, headers: {X-Scope: team}, bearerToken: hush, timeout: 7s, proxy: 'http://p:3128'}
      model: {name: sarima, p: 1, d: 1, q: 2, P: 1, D: 1, Q: 1, s: 24}
      policy:
        targetPerPod: 12.5
        quantileLevel: p90
        min: 2
        max: 30
        upMaxFactor: 3
        downMaxPercent: 20
        prewarmSteps: 2
        rounding: floor
        reactiveFloor: true
        accuracyGate: 0.4
        activationThreshold: 5
        schedules: [{begins: 30 8 * * mon-fri, duration: 2h, min: 5, max: 20}]
      """,
    source: [
      "type": "victoriametrics",
      "config": [
        "url": "http://vm:8428", "query": "sum by (app) (rps)", "label": "app", "headers": "X-Scope=team",
        "timeout": "7s", "proxy": "http://p:3128",
      ],
    ],
    policy: [
      "metric": "rps", "dryRun": true, "leadTime": "auto", "leadTimeQuery": "max(startup)",
      "replicasQuery": "sum(ready)", "dropWhileStarting": true, "startingPodsQuery": "sum(starting)",
      "sourceConfig": ["labelValue": "web", "partialResponse": "refuse"],
      "calendar": [
        "country": "DE-BY",
        "days": [
          ["name": "fair", "date": "2026-10-01", "before": "6h", "after": "1d"],
          ["name": "sale", "start": "2026-12-01 18:00", "end": "2026-12-01 22:00", "load": .number(2.5)],
          ["name": "bridge day", "date": "2026-12-28", "like": "sunday"],
        ],
      ],
      "forecast": [
        "horizon": "40m", "step": "2m", "interval": "20s", "window": "1d12h", "settleTime": "3m", "maxSampleAge": "11m",
        "bridge": "7m", "timeZone": "Europe/Berlin", "series": ["ahead": ["4m"], "quantiles": ["p75"], "write": "9m"],
      ],
      "model": [
        "type": "sarima",
        "sarima": [
          "p": 1, "d": 1, "q": 2, "seasonalP": 1, "seasonalD": 1, "seasonalQ": 1, "seasonalPeriod": 24,
        ],
      ],
      "capacity": [
        "targetPerPod": .number(12.5), "quantileLevel": "p90", "minReplicas": 2, "maxReplicas": 30,
        "upMaxFactorPerStep": 3, "downMaxPercentPerStep": 20, "prewarmSteps": 2, "rounding": "floor",
        "reactiveFloor": true, "accuracyGate": .number(0.4), "activationThreshold": 5,
      ],
      "schedules": [["begins": "30 8 * * mon-fri", "duration": "2h", "minReplicas": 5, "maxReplicas": 20]],
    ],
    credentials: SourceCredentials(token: Secret("hush")))

  private static let covariates = Form(
    name: "covariates",
    file: """
      metric: rps
      leadTime: 10m
      covariates:
        - {name: frontend, query: sum(frontend)}
        - {name: queue, query: sum(queue)}
      source: {type: prometheus, url: 'http://prometheus:9090', query: sum(rps), bearerToken: hush}
      model: auto
      policy: {targetPerPod: 10}
      """,
    source: ["type": "prometheus", "config": ["url": "http://prometheus:9090", "query": "sum(rps)"]],
    policy: [
      "metric": "rps", "capacity": ["targetPerPod": 10], "model": ["type": "auto"],
      "covariates": [["name": "frontend", "query": "sum(frontend)"], ["name": "queue", "query": "sum(queue)"]],
    ],
    credentials: SourceCredentials(token: Secret("hush")))

  private static let http = Form(
    name: "http",
    file: """
      metric: jobs
      leadTime: 3m
      source:
        {type: http, url: 'http://jobs/{{.Key}}', method: POST, body: '{}', valuePath: v, timestampPath: t,
         timestampFormat: unix, templateVars: {Key: k}, bootstrap: 'https://archive/jobs.csv', basicUser: u,
         basicPassword: hush}
      model: {name: byom, byomUrl: 'http://model:8080'}
      policy: {targetPerPod: 10, objective: 99.9%}
      otherMetrics:
        - {metric: queue, source: {valuePath: q, bootstrap: 'https://archive/queue.csv'}, model: theta,
           policy: {targetPerPod: 5, min: 3, objective: 99%}}
      """,
    source: [
      "type": "http",
      "config": [
        "url": "http://jobs/{{.Key}}", "method": "POST", "body": "{}", "templateVars": "Key=k", "timestampPath": "t",
        "timestampFormat": "unix",
      ],
    ],
    policy: [
      "metric": "jobs", "leadTime": "3m",
      "sourceConfig": ["valuePath": "v", "bootstrap": "https://archive/jobs.csv"],
      "model": ["type": "byom", "byomURL": "http://model:8080"],
      "capacity": ["targetPerPod": 10, "objective": "99.9%"],
      "otherMetrics": [
        [
          "metric": "queue", "sourceConfig": ["valuePath": "q", "bootstrap": "https://archive/queue.csv"],
          "model": ["type": "theta"], "capacity": ["targetPerPod": 5, "minReplicas": 3, "objective": "99%"],
        ]
      ],
    ],
    credentials: SourceCredentials(user: "u", password: Secret("hush")))

  private static let scrape = Form(
    name: "scrape",
    file: """
      metric: sessions
      leadTime: 10m
      source: {type: scrape, url: 'http://web/metrics', metric: sessions, labels: {app: web}}
      model: {name: arima, p: 1, d: 0, q: 1}
      policy: {targetPerPod: 10, headroom: 1.4, shortageCost: 30}
      """,
    source: ["type": "scrape", "config": ["url": "http://web/metrics"]],
    policy: [
      "metric": "sessions", "sourceConfig": ["metric": "sessions", "labels": "app=web"],
      "model": ["type": "arima", "arima": ["p": 1, "d": 0, "q": 1]],
      "capacity": ["targetPerPod": 10, "headroom": .number(1.4), "shortageCost": 30],
    ])

  private static let keda = Form(
    name: "keda",
    file: """
      metric: lag
      leadTime: 10m
      source:
        {type: keda, address: 'keda.keda:9666', serverName: keda, namespace: shop, scaledObject: web, trigger: lag,
         certFile: c, keyFile: k, caFile: a, timeout: 9s}
      model: baseline
      policy: {targetPerPod: 10}
      """,
    source: [
      "type": "keda", "secretRefs": ["tls": ["name": "keda"]],
      "config": ["address": "keda.keda:9666", "serverName": "keda", "timeout": "9s"],
    ],
    policy: [
      "metric": "lag", "sourceConfig": ["scaledObject": "web", "trigger": "lag"], "capacity": ["targetPerPod": 10],
    ])

  private static let otlp = Form(
    name: "otlp",
    file: """
      metric: orders
      leadTime: 10m
      source: {type: otlp, metric: shop.orders, attributes: {service.name: shop}}
      model: baseline
      policy: {targetPerPod: 10}
      """,
    source: ["type": "otlp"],
    policy: [
      "metric": "orders", "sourceConfig": ["metric": "shop.orders", "attributes": "service.name=shop"],
      "capacity": ["targetPerPod": 10],
    ])

  private static let remoteWrite = Form(
    name: "remoteWrite",
    file: """
      metric: orders
      leadTime: 10m
      source: {type: remoteWrite, metric: orders, labels: {app: web}, rate: true}
      model: baseline
      policy: {targetPerPod: 10}
      """,
    source: ["type": "remoteWrite"],
    policy: [
      "metric": "orders", "sourceConfig": ["metric": "orders", "labels": "app=web", "rate": "true"],
      "capacity": ["targetPerPod": 10],
    ])

  @Test("a workload means the same in the file and in objects", arguments: forms)
  func same(_ form: Form) throws {
    let loader = ConfigurationLoader(knownModels: ModelCatalog.names, environment: [:]) { _ in form.document }
    guard
      case .run(let configuration) = try loader.forecaster(
        arguments: ["-config", "k.yaml", "-series-write-url", "http://receiver/write"])
    else {
      Issue.record("no configuration")
      return
    }
    let file = try #require(configuration.workloads.first)
    let policy = Policies.policy(changes: form.policy)
    let object = try PolicyTranslation(knownModels: ModelCatalog.names).workload(policy) { _ in
      DescribedSource(spec: form.source, credentials: form.credentials)
    }
    let (own, wanted) = (object.comparable, file.comparable)
    // In parts first, so that a failure says which.
    #expect(own.source == wanted.source)
    #expect(own.otherMetrics.map(\.source) == wanted.otherMetrics.map(\.source))
    #expect(own == wanted)
  }

  @Test("every key of a workload in the file can be given in objects, or is left out for a reason")
  func complete() throws {
    let given = try Self.forms.reduce(into: Set<String>()) { $0.formUnion(try $1.keys) }
    let known = Set(
      (Settings.all.compactMap(\.fileKey) + Settings.fileOnly.map(\.key)).filter { $0.hasPrefix("workloads[].") }
        .map { String($0.dropFirst("workloads[].".count).replacing("[]", with: "")) })
    #expect(known.subtracting(given).subtracting(Self.unreachable.keys) == [])
    #expect(Set(Self.unreachable.keys).isSubset(of: known))
    for kind in SourceKind.allCases where kind != .csv {
      for key in SourceSection.keys(of: kind) where Self.unreachable["source.\(key)"] == nil {
        #expect(given.contains("source.\(key)"), "\(kind): \(key)")
      }
    }
  }
}

extension ReachableSettingsTests.Form {
  fileprivate var document: String {
    let lines = file.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
    return "workloads:\n  - name: shop_web\n\(lines)\n"
  }

  /// The keys that the file's form gives, such as `policy.min`; without the brackets of lists.
  fileprivate var keys: Set<String> {
    get throws {
      var keys: Set<String> = []
      func walk(_ node: YAMLNode, _ path: String) {
        keys.insert(path)
        switch node {
        case .mapping(let entries, _):
          for entry in entries { walk(entry.value, path.isEmpty ? entry.key : "\(path).\(entry.key)") }
        case .sequence(let items, _): for item in items { walk(item, path) }
        case .scalar: if path == "model" { keys.insert("model.name") }
        }
      }
      walk(try YAMLParser.parse(file, file: "form", limits: .init()), "")
      return keys
    }
  }
}

extension WorkloadConfiguration {
  /// Without what the two forms say in different ways: target and labels, the place of certificates, and a lead time for triggers, which is
  /// the ScaledObject's in objects.
  fileprivate var comparable: WorkloadConfiguration {
    var copy = self
    copy.target = nil
    copy.labels = [:]
    if case .fixed = copy.leadTime { copy.leadTime = nil }
    // Of no meaning for other models; the file passes it on to them.
    for index in copy.otherMetrics.indices where copy.otherMetrics[index].model.name != "byom" {
      copy.otherMetrics[index].model.byomURL = nil
    }
    if case .keda(var settings) = copy.source {
      settings.server.tls = nil
      copy.source = .keda(settings)
    }
    return copy
  }
}
