import KedastralNet
import KedastralSources
import Testing

@testable import KedastralDaemon

@Suite("Settings of KEDA's raw metrics")
struct KedaSettingsTests {
  private let files = "caFile: /c/ca.crt, certFile: /c/tls.crt, keyFile: /c/tls.key"

  @Test("reads a trigger, whose server and certificates the defaults can have")
  func file() throws {
    let workloads = try forecaster(
      file: """
        defaults:
          metric: lag
          source: {type: keda, namespace: shop, \(files)}
        workloads:
          - {name: orders, source: {scaledObject: orders, trigger: lag, bootstrap: /past/orders.csv}}
          - {name: mail, source: {namespace: post, scaledObject: mail, trigger: queue, address: "127.0.0.1:9666", timeout: 3s}}
        """
    ).workloads
    let tls = TLSContext.Files(certificate: "/c/tls.crt", key: "/c/tls.key", authorities: "/c/ca.crt")
    let usual = RawMetricsFeed.Server(
      .network(host: "keda-operator.keda.svc.cluster.local", port: 9666), tls: tls)
    let other = RawMetricsFeed.Server(.network(host: "127.0.0.1", port: 9666), tls: tls, timeout: .seconds(3))
    #expect(
      workloads.map(\.source) == [
        .keda(
          KedaSourceConfiguration(
            server: usual, namespace: "shop", scaledObject: "orders", trigger: "lag",
            bootstrap: .file("/past/orders.csv"))),
        .keda(KedaSourceConfiguration(server: other, namespace: "post", scaledObject: "mail", trigger: "queue")),
      ])
  }

  @Test("flags and environment describe a trigger as well")
  func flags() throws {
    let configuration = try running(
      loader(environment: ["ADAPTER_TRIGGER": "lag", "ADAPTER_SERVER_NAME": "keda-operator"]).forecaster(arguments: [
        "-workload=orders", "-metric=lag", "-adapter=keda", "-adapter-namespace=shop", "-adapter-scaled-object=orders",
        "-adapter-cert-file=/c/tls.crt", "-adapter-key-file=/c/tls.key",
        "-adapter-bootstrap=https://files.example/orders.csv",
      ]))
    guard case .keda(let source) = configuration.workloads[0].source else {
      Issue.record("no source of type keda")
      return
    }
    #expect(source.trigger == "lag" && source.server.serverName == "keda-operator")
    #expect(source.bootstrap == .url(HTTPEndpoint("https://files.example/orders.csv", proxy: .environment())))
  }

  @Test("a missing trigger, a missing certificate, a key of another type and an invalid URL are refused")
  func refused() {
    #expect(
      problems {
        _ = try forecaster(
          file: """
            workloads:
              - {name: a, metric: lag, source: {type: keda, namespace: shop, scaledObject: orders, \(files)}}
              - {name: b, metric: lag, source: {type: keda, namespace: shop, scaledObject: orders, trigger: lag}}
              - {name: c, metric: lag, source: {type: keda, namespace: shop, scaledObject: orders, trigger: lag, url: "http://a", \(files)}}
              - {name: d, metric: lag, source: {type: scrape, url: "http://a", metric: m, bootstrap: "ftp://me:hunter2@a/b"}}
              - {name: e, metric: lag, source: {query: up, bootstrap: past.csv}}
            """)
      }.map { $0.replacing(#/^k.yaml:\d+:\d+: /#, with: "") } == [
        "workloads[0]: the key 'source.trigger' is missing: keda: name of the trigger whose values are the load",
        "workloads[1]: KEDA's metrics service requires a client certificate; give certFile and keyFile (-adapter-cert-file, -adapter-key-file), and caFile for the authority of its own",
        "workloads[2].source.url: a source of type keda has no key 'url'; its keys are address, serverName, namespace, scaledObject, trigger, bootstrap, caFile, certFile, keyFile, timeout",
        "workloads[3].source.bootstrap: 'ftp://***@a/b' is not an http or https URL; write one, or the path of a file",
        "workloads[4].source.bootstrap: a source of type prometheus has no key 'bootstrap'; its keys are url, query, label, labelValue, partialResponse, headers, bearerToken, bearerTokenFile, basicUser, basicPassword, caFile, certFile, keyFile, timeout, proxy",
      ])
  }
}
