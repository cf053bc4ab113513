import KedastralCore
import KedastralHTTP
import KedastralModels
import KedastralNet
import KedastralRedisStore
import KedastralSources
import Testing

@testable import KedastralDaemon

@Suite("One file describes many workloads")
struct ConfigurationFileTests {
  @Test("workloads share a query with a label, whose value is the workload's name unless another one is given")
  func labels() throws {
    let workloads = try forecaster(
      file: """
        defaults: {metric: rps, source: {query: sum by (app) (load), label: app}}
        workloads:
          - {name: shop}
          - {name: blog, source: {labelValue: blog.example}}
          - {name: alone, source: {query: sum(other)}}
          - {name: other, source: {query: sum by (pod) (load), label: pod}}
          - name: two
            source: {labelValue: second}
            otherMetrics:
              - {metric: queue, source: {query: sum(queue)}, policy: {targetPerPod: 1}}
              - {metric: jobs, source: {query: sum by (job) (jobs), label: job}, policy: {targetPerPod: 1}}
        """
    ).workloads
    func series(_ source: SourceConfiguration) -> LabelledSeries? {
      if case .prometheus(let settings) = source { settings.series } else { nil }
    }
    #expect(
      workloads.map { series($0.source) } == [
        LabelledSeries(label: "app", value: "shop"), LabelledSeries(label: "app", value: "blog.example"), nil,
        LabelledSeries(label: "pod", value: "other"), LabelledSeries(label: "app", value: "second"),
      ])
    #expect(
      workloads[4].otherMetrics.map { series($0.source) } == [nil, LabelledSeries(label: "job", value: "second")])
  }

  @Test("forecasts are exported at the times and quantiles of the workload, or else of the defaults")
  func series() throws {
    let workloads = try forecaster(
      file: """
        defaults: {metric: rps, source: {query: up}, series: {ahead: [20m, 5m, 5m]}}
        workloads:
          - {name: a}
          - {name: b, series: {ahead: 10m, quantiles: [0.99]}}
          - {name: c, series: {ahead: ""}}
        """, ["-series-quantiles", "p75,0.9"]
    ).workloads
    #expect(
      workloads.map(\.series) == [
        ForecastSeries(ahead: [.seconds(300), .seconds(1200)], quantiles: [0.75, 0.9]),
        ForecastSeries(ahead: [.seconds(600)], quantiles: [0.75, 0.9]), nil,
      ])
    #expect(try forecaster(file: "workloads: [{name: a, metric: rps, source: {query: up}}]").workloads[0].series == nil)
  }

  @Test("forecasts are written as far ahead as the workload says, to the receiver of the process")
  func writtenSeries() throws {
    let configuration = try forecaster(
      file: """
        seriesWrite: {url: 'http://prometheus:9090/api/v1/write', tokenFile: /t, caFile: /ca}
        defaults: {metric: rps, source: {query: up}, series: {write: 10m}}
        workloads:
          - {name: a}
          - {name: b, series: {write: 0s}}
          - {name: c, series: {ahead: 5m, quantiles: 0, write: 30m}}
        """)
    #expect(
      configuration.workloads.map(\.series) == [
        ForecastSeries(ahead: [], quantiles: [0.5, 0.9], write: .seconds(600)), nil,
        ForecastSeries(ahead: [.seconds(300)], quantiles: [], write: .seconds(1800)),
      ])
    let endpoint = try #require(configuration.seriesWrite).endpoint
    #expect(endpoint.displayName == "http://prometheus:9090/api/v1/write" && endpoint.tls.authorities == "/ca")
    #expect("\(endpoint.credentials)" == "bearer token")
    #expect(try forecaster(file: "workloads: [{name: a, metric: rps, source: {query: up}}]").seriesWrite == nil)
  }

  @Test("a workload's own lead time is a duration, or measured by a query to its Prometheus")
  func leadTimes() throws {
    let workloads = try forecaster(
      file: """
        defaults: {metric: rps, leadTime: auto, source: {url: "http://prometheus:9090", query: up}}
        workloads:
          - {name: shop}
          - {name: blog, leadTimeQuery: my_startup_seconds}
          - {name: files, leadTime: 3m, source: {type: csv, path: f.csv}}
        """
    ).workloads
    guard case .query(let shop) = workloads[0].leadTime, case .query(let blog) = workloads[1].leadTime else {
      Issue.record("not measured: \(workloads.map(\.leadTime))")
      return
    }
    #expect(shop.isDefault && shop.endpoint.url == "http://prometheus:9090" && shop.text.contains("pod=~\"shop("))
    #expect(!blog.isDefault && blog.text == "my_startup_seconds")
    #expect(workloads[2].leadTime == .fixed(.seconds(180)))
    #expect(try forecaster().workloads[0].leadTime == nil)
    #expect(try forecaster(["-workload-lead-time=90s"]).workloads[0].leadTime == .fixed(.seconds(90)))
  }

  @Test("the query for the ready pods is a workload's own, or that of the defaults with the label of its source")
  func replicasQueries() throws {
    let workloads = try forecaster(
      file: """
        defaults:
          metric: rps
          replicasQuery: sum by (app) (ready)
          source: {url: "http://prometheus:9090", query: sum by (app) (rps), label: app}
        workloads:
          - {name: shop}
          - {name: blog, replicasQuery: sum(blog_ready)}
          - {name: files, source: {type: csv, path: f.csv}}
        """
    ).workloads
    let queries = workloads.map(\.replicasQuery)
    #expect(queries.map { $0?.text } == ["sum by (app) (ready)", "sum(blog_ready)", nil])
    #expect(queries[0]?.series?.label == "app" && queries[0]?.series?.value == "shop" && queries[1]?.series == nil)
    #expect(queries[0]?.endpoint.url == "http://prometheus:9090")
    #expect(try forecaster().workloads[0].replicasQuery == nil)
    #expect(
      problems {
        _ = try forecaster(
          file: "workloads: [{name: a, metric: rps, replicasQuery: up, source: {type: csv, path: c.csv}}]")
      } == [
        "k.yaml:1:51: workloads[0].replicasQuery: the query for the ready pods is sent to the workload's Prometheus, and its source is none; remove replicasQuery"
      ])
  }

  @Test("samples are left out while pods start, by a query of its own or one made of the name")
  func startingPods() throws {
    let workloads = try forecaster(
      file: """
        defaults: {metric: cpu, source: {query: up}, dropWhileStarting: true}
        workloads:
          - {name: shop_api}
          - {name: web, startingPodsQuery: sum(starting)}
          - {name: job, dropWhileStarting: false}
        """
    ).workloads
    let texts = workloads.map { workload -> String? in
      if case .query(_, let text, _)? = workload.startingPods { text } else { nil }
    }
    #expect(texts[0]?.contains(#"kube_pod_created{pod=~"shop-api("#) == true && texts[1] == "sum(starting)")
    #expect(texts[2] == nil)
    #expect(
      problems {
        _ = try forecaster(
          file: """
            workloads:
              - {name: a, metric: cpu, startingPodsQuery: up, source: {query: up}}
              - {name: b, metric: cpu, dropWhileStarting: true, source: {type: csv, path: c.csv}}
            """)
      } == [
        "k.yaml:2:47: workloads[0].startingPodsQuery: the query is used with dropWhileStarting only; set dropWhileStarting: true, or remove it",
        "k.yaml:3:47: workloads[1].dropWhileStarting: the starting pods are counted by a query to the workload's Prometheus, and its source is none; remove dropWhileStarting",
      ])
  }

  @Test("labels of the defaults are added to those of a workload, whose values count")
  func ownLabels() throws {
    let workloads = try forecaster(
      file: """
        defaults: {metric: rps, source: {query: up}, labels: {team: shop, site: eu}}
        workloads:
          - {name: api, labels: {team: api}}
          - {name: web}
        """
    ).workloads
    #expect(workloads.map(\.labels) == [["team": "api", "site": "eu"], ["team": "shop", "site": "eu"]])
    #expect(try forecaster(["-workload-labels=team=blog"]).workloads[0].labels == ["team": "blog"])
  }

  @Test("rejects a lead time that is none, one that cannot be measured, and a query that is not used")
  func invalidLeadTimes() {
    #expect(
      problems {
        _ = try forecaster(
          file: """
            workloads:
              - {name: a, metric: rps, leadTime: soon, source: {query: up}}
              - {name: b, metric: rps, leadTime: auto, source: {type: csv, path: c.csv}}
              - {name: c, metric: rps, leadTime: 5m, leadTimeQuery: up, source: {query: up}}
            """)
      } == [
        "k.yaml:2:38: workloads[0].leadTime: 'soon' is not a lead time; write auto, or a duration up to a day, such as 3m",
        "k.yaml:3:38: workloads[1].leadTime: the lead time auto is measured by a query to the workload's Prometheus, and its source is none; write a duration such as 3m",
        "k.yaml:4:57: workloads[2].leadTimeQuery: the query is used with the lead time auto only; set leadTime: auto, or remove it",
      ])
  }

  @Test("rejects a label value without a label, and a text that is not a label's name")
  func invalidLabels() {
    #expect(
      problems {
        _ = try forecaster(
          file: """
            workloads:
              - {name: a, metric: rps, source: {query: up, labelValue: b}}
              - {name: b, metric: rps, source: {query: up, label: 1app}}
              - {name: c, metric: rps, source: {type: csv, path: c.csv, label: app}}
            """)
      } == [
        "k.yaml:2:60: workloads[0].source.labelValue: a label value is given without a label; give the label whose value it is as well",
        "k.yaml:3:55: workloads[1].source.label: '1app' is not a label's name; write letters, digits and '_', such as app",
        "k.yaml:4:68: workloads[2].source.label: a source of type csv has no key 'label'; its keys are path, speed",
      ])
  }

  @Test("defaults apply to each workload, and a workload's own keys override them, key by key")
  func defaults() throws {
    let configuration = try forecaster(
      file: """
        listen: 127.0.0.1:9000
        log: {format: json, level: warn}
        defaults:
          metric: rps
          horizon: 1h
          source: {type: prometheus, url: "http://p:9090", bearerTokenFile: /token, timeout: 3s}
          policy: {targetPerPod: 50, min: 2, quantileLevel: p90}
          model: {name: arima, p: 2, d: 1, q: 1}
          timeZone: Europe/Berlin
        workloads:
          - name: api
            source: {query: a}
            policy: {min: 4, rounding: floor}
          - name: worker
            metric: queue length
            horizon: 2h
            source: {type: csv, path: worker.csv, speed: 60}
            model: baseline
          - name: shop
            source: {url: "http://other:9090", query: b}
            model: {name: arima, p: 3}
        """)
    let workloads = configuration.workloads
    try #require(workloads.map(\.name.text) == ["api", "worker", "shop"])
    #expect(configuration.listen == ListenAddress(host: "127.0.0.1", port: 9000))
    #expect(configuration.log == LogConfiguration(format: .json, level: .warn))
    #expect(workloads.map(\.metric) == ["rps", "queue length", "rps"])
    #expect(workloads.map(\.horizon) == [.seconds(3600), .seconds(7200), .seconds(3600)])
    #expect(workloads.map(\.policy.minReplicas) == [4, 2, 2])
    #expect(workloads.map(\.policy.rounding) == [.floor, .ceil, .ceil])
    #expect(workloads.allSatisfy { $0.policy.quantileLevel == 0.9 && $0.timeZone == "Europe/Berlin" })
    #expect(workloads[0].model.order == Arima.Order(p: 2, d: 1, q: 1))
    #expect(workloads[1].model == ModelConfiguration(name: "baseline"))
    #expect(workloads[2].model.order == Arima.Order(p: 3, d: 1, q: 1))
    #expect(workloads[1].source == .csv(CSVSourceConfiguration(path: "worker.csv", speed: 60)))
    guard case .prometheus(let api) = workloads[0].source, case .prometheus(let shop) = workloads[2].source else {
      Issue.record("no Prometheus sources")
      return
    }
    #expect(api.endpoint.url == "http://p:9090" && api.endpoint.credentials == .bearer(file: "/token"))
    #expect(api.endpoint.deadline == .seconds(3))
    // The token is meant for the default's server alone.
    #expect(shop.endpoint.url == "http://other:9090" && shop.endpoint.credentials == .none)
    #expect(shop.endpoint.deadline == .seconds(3))
  }

  @Test("reads a scrape source and pairs")
  func scrape() throws {
    let configuration = try forecaster(
      file: """
        workloads:
          - name: api
            metric: rps
            source:
              type: scrape
              url: http://127.0.0.1:9100/metrics
              metric: api_requests_total
              labels: {namespace: demo, app: "${APP}"}
              headers: {X-Key: hunter2}
              basicUser: me
              basicPassword: ${PASSWORD}
        """, environment: ["APP": "api", "PASSWORD": "hunter2"])
    #expect(
      configuration.workloads[0].source
        == .scrape(
          ScrapeSourceConfiguration(
            endpoint: HTTPEndpoint(
              "http://127.0.0.1:9100/metrics", credentials: .basic(user: "me", password: "hunter2"),
              headers: [HTTPHeader("X-Key", "hunter2")], proxy: .environment()),
            metric: "api_requests_total", labels: ["namespace": "demo", "app": "api"])))
  }

  @Test("one file serves every host, and each reads its own part")
  func everyHost() throws {
    let file = """
      listen: :9081
      scaler: {listen: ":9051", httpListen: ":9082", forecasterUrl: "http://f:9081", leadTime: 7m, staleAfter: 3m}
      storage:
        type: redis
        redis:
          sentinels: [s1:26379, s2:26379]
          sentinelMaster: plans
          username: kedastral
          passwordFile: /run/password
          readPrefixes: ['kedastral:snapshot:']
      workloads:
        - {name: api, metric: rps, source: {query: up}}
      """
    let scaler = try running(loader(file).scaler(arguments: ["-config=k.yaml"]))
    let both = try running(loader(file).allInOne(arguments: ["-config=k.yaml"]))
    #expect(scaler.listen.port == 9051 && scaler.httpListen.port == 9082)
    #expect(scaler.forecasterURL.text == "http://f:9081")
    #expect(scaler.leadTime == .seconds(420) && scaler.staleAfter == .seconds(180))
    #expect(both.forecaster == (try forecaster(file: file)))
    #expect(both.scaler.listen == scaler.listen && both.scaler.leadTime == scaler.leadTime)
    guard case .redis(let redis, _) = scaler.storage else {
      Issue.record("no Redis")
      return
    }
    let sentinels = ["s1", "s2"].map { RemoteAddress.network(host: $0, port: 26_379) }
    #expect(redis.deployment == .sentinel(master: "plans", sentinels: sentinels))
    #expect(redis.credentials == .init(user: "kedastral", password: .file("/run/password")))
    #expect(redis.keyPrefix == "forecast:" && redis.alsoReadPrefixes == ["kedastral:snapshot:"])
  }

  @Test("in one process the scaler's gRPC address has its own flag")
  func scalerListen() throws {
    let both = try running(
      loader().allInOne(arguments: [
        "-workload=api", "-metric=rps", "-adapter-query=up", "-listen=:1", "-scaler-listen=:2",
      ]))
    #expect(both.forecaster.listen.port == 1 && both.scaler.listen.port == 2)
  }

  @Test("defaults of the file apply to a workload that flags describe")
  func defaultsAndFlags() throws {
    let configuration = try forecaster(
      file: "defaults: {horizon: 1h, source: {url: 'http://p:9090'}}",
      ["-workload=api", "-metric=rps", "-adapter-query=up"])
    #expect(configuration.workloads[0].horizon == .seconds(3600))
    guard case .prometheus(let source) = configuration.workloads[0].source else {
      Issue.record("no Prometheus source")
      return
    }
    #expect(source.endpoint.url == "http://p:9090")
  }

  @Test(
    "another metric inherits source, model and limits where it has none, but not the flag's target"
  )
  func otherMetrics() throws {
    let workload = try forecaster(
      file: """
        defaults: {policy: {headroom: 1.5}}
        workloads:
          - name: api
            metric: rps
            source: {url: 'http://p:9090', query: rps, bearerToken: t}
            model: ets
            policy: {max: 7, targetPerPod: 50}
            otherMetrics:
              - {metric: queue, source: {query: queue_length}, policy: {targetPerPod: 3, min: 2}}
        """, ["-target-per-pod=80"]
    ).workloads[0]
    let other = workload.otherMetrics[0]
    #expect(workload.policy.targetPerPod == 80)
    #expect(other.metric == "queue" && other.model.name == "ets")
    #expect(other.policy.targetPerPod == 3 && other.policy.minReplicas == 2)
    #expect(other.policy.maxReplicas == 7 && other.policy.headroom == 1.5)
    guard case .prometheus(let source) = other.source else {
      Issue.record("no Prometheus source")
      return
    }
    #expect(source.endpoint.url == "http://p:9090" && source.query == "queue_length")
    #expect(source.endpoint.credentials == .bearer("t"))
  }

  @Test("reads schedules, gate, threshold, zone and dry run; a workload's schedules override the defaults")
  func policySettings() throws {
    let workloads = try forecaster(
      file: """
        defaults:
          timeZone: Europe/Berlin
          dryRun: true
          policy: {schedules: [{begins: 0 1 * * *, duration: 1h, max: 3}]}
        workloads:
          - {name: a, metric: rps, source: {query: up}}
          - name: b
            metric: rps
            source: {query: up}
            dryRun: false
            policy: {accuracyGate: 0.4, activationThreshold: 0, schedules: []}
        """
    ).workloads
    #expect(workloads.map(\.isDryRun) == [true, false])
    #expect(workloads.map(\.timeZone) == ["Europe/Berlin", "Europe/Berlin"])
    let rule = ScheduledBounds.Rule(begins: try CronExpression("0 1 * * *"), duration: .seconds(3600), maxReplicas: 3)
    #expect(workloads.map(\.policy.schedules) == [[rule], []])
    #expect(workloads.map(\.policy.accuracyGate) == [nil, 0.4])
    #expect(workloads.map(\.policy.activationThreshold) == [nil, 0])
  }

  @Test("the example file of --help is valid")
  func exampleFile() throws {
    let workloads = try forecaster(file: HelpText.exampleFile).workloads
    #expect(workloads.map(\.name.text) == ["api", "worker"])
    #expect(workloads.map(\.policy.targetPerPod) == [50, 30])
  }

  @Test("files are read from disk; a folder, a missing and an endless file are reported")
  func disk() {
    #expect(problems { _ = try read("/") } == ["-config: cannot read '/': Is a directory"])
    #expect(
      problems { _ = try read("/nowhere/k.yaml") } == [
        "-config: cannot read '/nowhere/k.yaml': No such file or directory"
      ])
    #expect(
      problems { _ = try read("/dev/zero") } == ["-config: cannot read '/dev/zero': it is larger than 16777216 bytes"])
  }

  private func read(_ path: String) throws {
    _ = try ConfigurationLoader(knownModels: models, environment: [:]).forecaster(arguments: ["-config", path])
  }

  @Test("ten thousand workloads are read")
  func many() throws {
    var file = "defaults: {metric: rps, policy: {targetPerPod: 50}}\nworkloads:\n"
    for index in 0..<10_000 {
      file += "  - {name: w\(index), source: {query: 'sum(rate(x{app=\"w\(index)\"}[1m]))'}, policy: {max: 20}}\n"
    }
    #expect(try forecaster(file: file).workloads.count == 10_000)
  }
}
