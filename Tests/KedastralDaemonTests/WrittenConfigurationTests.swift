import KedastralCore
import Testing

@testable import KedastralDaemon

@Suite("Written configuration")
struct WrittenConfigurationTests {
  private static let files = [
    """
    workloads:
      - {name: api-app, metric: requests per second, source: {query: 'sum(rate(api_requests_total{app="api"}[1m]))'}}
    """,
    """
    workloads:
      - name: shop_web
        metric: "orders: #1, 'odd' \\\\ text\\n"
        source: {type: http, url: "https://metrics/{{.Start}}", method: POST, body: '{"q": "$${NAME} $${no name} $$"}',
          valuePath: data.#.value, timestampPath: data.#.ts, timestampFormat: unix, timeout: 1m30s, caFile: /etc/ca.pem, certFile: /etc/tls.crt,
          keyFile: /etc/tls.key}
        model: {name: sarima, p: 1, d: 0, q: 2, P: 1, D: 1, Q: 0, s: 24}
        policy: {targetPerPod: 12.5, headroom: 1.35, quantileLevel: p95, min: 0, max: 7, upMaxFactor: 3,
          downMaxPercent: 20, prewarmSteps: 4, rounding: round, reactiveFloor: true}
        horizon: 2h
        step: 5m
        interval: 90s
        window: 1d12h
        timeZone: Europe/Berlin
    """,
    "workloads: [{name: played, metric: 'true', source: {type: csv, path: 'my data.csv', speed: 2.5}}]",
    """
    workloads:
      - {name: read, metric: rps, source: {type: scrape, url: "http://app:9/metrics", metric: hits, labels: {a: "1", b: "x=y"}}}
    """,
    """
    workloads:
      - name: orders
        metric: lag
        source: {type: keda, address: "keda:9666", serverName: keda-operator, namespace: shop, scaledObject: orders, trigger: lag,
          bootstrap: past.csv, caFile: /certs/ca.crt, certFile: /certs/tls.crt, keyFile: /certs/tls.key, timeout: 3s}
      - name: page
        metric: rps
        source: {type: scrape, url: "http://app:9/metrics", metric: hits, bootstrap: "https://files.example/past.csv?a=b"}
    """,
    """
    workloads:
      - {name: far, metric: rps, source: {url: "https://far.example.com/a/tenant/path/that/is/rather/long/api/v1/proxy?tenant=a&dedup=true", query: up, proxy: "socks5://proxy:1080"}}
    """,
    """
    workloads:
      - {name: soon, metric: rps, leadTime: 90s, labels: {team: "a ${X}"}, source: {query: up}}
    """.replacing("${X}", with: "$${X}"),
    """
    workloads:
      - {name: measured, metric: rps, leadTime: auto, source: {query: up}}
    """,
    """
    workloads:
      - {name: asked, metric: rps, leadTime: auto, leadTimeQuery: 'x{a="$${b}"}', replicasQuery: 'y{a="$${b}"}', dropWhileStarting: true, startingPodsQuery: 'z{a="$${b}"}', source: {query: up}}
    """,
    """
    workloads:
      - {name: pushed, metric: rps, source: {type: otlp, metric: requests, attributes: {service.name: "a ${X}"}, bootstrap: /p.csv}}
    """.replacing("${X}", with: "$${X}"),
    """
    workloads:
      - {name: written, metric: rps, source: {type: remoteWrite, metric: served, labels: {app: shop}, rate: true}}
    """,
    """
    workloads:
      - {name: near, metric: rps, source: {query: up, proxy: none}, series: {ahead: 90s, quantiles: 0}}
    """,
    """
    workloads:
      - {name: shared, metric: rps, source: {query: sum by (app) (up), label: app}}
    """,
    """
    workloads:
      - {name: shared, metric: rps, source: {query: sum by (app) (up), label: app, labelValue: "a ${X} b"}}
    """.replacing("${X}", with: "$${X}"),
    """
    workloads:
      - name: shop
        metric: rps
        source: {query: up}
        timeZone: Europe/Berlin
        calendar:
          country: de-by
          days:
            - {name: "Sale: $${x}", date: 2026-11-27, before: 6h, after: 1d}
            - {name: evening, start: 2026-12-01 18:00, end: 2026-12-01T22:30, load: 2.5}
            - {name: bridge day, date: 2026-12-28, like: sunday}
    """,
    """
    workloads:
      - name: checkout
        metric: rps
        source: {query: up}
        covariates:
          - {name: front, query: 'x{a="$${b}"}'}
          - {name: queue, source: {url: "http://other:9090", query: up, timeout: 3s}}
    """,
    """
    workloads:
      - name: busy
        metric: rps
        source: {query: up}
        dryRun: true
        series: {ahead: [20m, 5m], quantiles: [p90, 0.99]}
        policy:
          accuracyGate: 0.4
          shortageCost: 60.5
          activationThreshold: 5
          schedules:
            - {begins: "30 19 * * fri", duration: 2h, min: 4}
            - {begins: "0 0 * * *", duration: 6h, max: 2}
        otherMetrics:
          - {metric: queue, source: {query: queue_length}, model: arima, policy: {targetPerPod: 10}}
          - {metric: memory, source: {query: heap}, policy: {targetPerPod: 3}}
    """,
  ]

  @Test("a written configuration reads back as the same workload", arguments: files)
  func roundTrip(file: String) throws {
    let workload = try #require(try forecaster(file: file).workloads.first)
    let text = workload.yaml(leadTime: .seconds(90))
    let read = try running(loader(text).allInOne(arguments: ["-config=k.yaml"]))
    #expect(read.forecaster.workloads == [workload], "\(text)")
    #expect(read.scaler.leadTime == .seconds(90))
  }

  @Test("a source that the program registers is not written")
  func registeredSource() throws {
    var workload = try #require(try forecaster(file: Self.files[0]).workloads.first)
    workload.source = .registered
    #expect(!workload.yaml(leadTime: .zero).contains("source"))
  }

  @Test("each metric's secrets have their own variables")
  func secretsOfSeveralMetrics() throws {
    let file = """
      workloads:
        - name: a
          metric: rps
          source: {query: up, bearerToken: s3cret}
          otherMetrics: [{metric: queue, source: {query: queue, bearerToken: other}, policy: {targetPerPod: 3}}]
      """
    let text = try #require(try forecaster(file: file).workloads.first).yaml(leadTime: .seconds(300))
    #expect(text.contains("${ADAPTER_BEARER_TOKEN}") && text.contains("${ADAPTER2_BEARER_TOKEN}"))
  }

  @Test("secrets are written as variables to set, never as values")
  func secrets() throws {
    let file = """
      workloads:
        - name: a
          metric: rps
          source: {url: "http://me:hunter2@prometheus:9090", query: up, bearerToken: s3cret, headers: {X-Key: k3y}}
      """
    let text = try #require(try forecaster(file: file).workloads.first).yaml(leadTime: .seconds(300))
    for secret in ["hunter2", "s3cret", "k3y"] { #expect(!text.contains(secret)) }
    #expect(text.contains(#"bearerToken: "${ADAPTER_BEARER_TOKEN}""#))
    #expect(text.contains(#"X-Key: "${ADAPTER_X_KEY}""#))
  }

  @Test(
    "texts are quoted only where YAML would read something else",
    arguments: [
      ("api-app", "api-app"), ("requests per second", "requests per second"), ("8d", "8d"), ("true", #""true""#),
      ("No", #""No""#), ("1e3", #""1e3""#), ("", #""""#), ("a: b", #""a: b""#), ("- x", #""- x""#), ("#x", ##""#x""##),
      ("line\nnext", #""line\nnext""#), ("say \"hi\"", #""say \"hi\"""#),
      ("http://localhost:9090", "http://localhost:9090"),
      ("ends ", #""ends ""#), ("2026-01-01", #""2026-01-01""#), ("\u{1}", #""\x01""#),
    ])
  func scalars(text: String, written: String) { #expect(YAMLText.scalar(text) == written) }

  @Test("a ScaledObject has a valid Kubernetes name, and the workload's own name")
  func scaledObject() throws {
    let file = "workloads: [{name: Shop_Web, metric: rps, source: {query: up}, policy: {min: 0, max: 9}}]"
    let workload = try #require(try forecaster(file: file).workloads.first)
    let text = workload.scaledObject(leadTime: .seconds(420), scalerAddress: "kedastral-scaler.default.svc:50051")
    #expect(text.contains("metadata:\n  name: shop-web\n"))
    #expect(text.contains("workload: Shop_Web\n"))
    #expect(text.contains("leadTime: 7m\n"))
    #expect(text.contains("minReplicaCount: 0\n  maxReplicaCount: 9\n"))
    #expect(!text.contains("mode:") && !text.contains("select:"))
    let load = workload.scaledObject(
      leadTime: .seconds(60), mode: .load, selection: .atLead, scalerAddress: "kedastral-scaler.default.svc:50051")
    #expect(load.hasSuffix("leadTime: 1m\n        mode: load\n        select: at-lead\n"), "\(load)")
  }
}
