import KedastralSources
import Testing

@testable import KedastralDaemon

@Suite("Settings of sources that receive points")
struct PushSettingsTests {
  @Test("reads what a workload selects; the defaults can have the metric")
  func file() throws {
    let configuration = try forecaster(
      file: """
        pushTokenFile: /run/secrets/push
        limits: {push: {bodyBytes: 1000000, points: 5000}}
        defaults:
          metric: rps
          source: {type: otlp, metric: http.server.requests}
        workloads:
          - {name: shop, source: {attributes: {service.name: shop}, bootstrap: /past/shop.csv}}
          - {name: blog, source: {type: remoteWrite, metric: requests_total, labels: {app: blog}}}
          - {name: mail, source: {type: remoteWrite, metric: queue, rate: true}}
        """)
    #expect(
      configuration.workloads.map(\.source) == [
        .push(
          PushSourceConfiguration(
            selector: PushSelector(.otlp, metric: "http.server.requests", attributes: ["service.name": "shop"]),
            bootstrap: .file("/past/shop.csv"))),
        .push(
          PushSourceConfiguration(
            selector: PushSelector(.remoteWrite, metric: "requests_total", attributes: ["app": "blog"], isCount: true))),
        .push(
          PushSourceConfiguration(
            selector: PushSelector(.remoteWrite, metric: "queue", attributes: [:], isCount: true))),
      ])
    #expect(configuration.pushTokenFile == "/run/secrets/push")
    #expect(configuration.pushLimits.bodyBytes == 1_000_000 && configuration.pushLimits.points == 5_000)
  }

  @Test("flags and environment describe what is selected as well")
  func flags() throws {
    let configuration = try running(
      loader(environment: ["ADAPTER_ATTRIBUTES": "service.name=shop,zone=a", "PUSH_TOKEN_FILE": "/t"]).forecaster(
        arguments: ["-workload=shop", "-metric=rps", "-adapter=otlp", "-adapter-metric=requests", "-push-max-points=7"])
    )
    #expect(
      configuration.workloads[0].source
        == .push(
          PushSourceConfiguration(
            selector: PushSelector(.otlp, metric: "requests", attributes: ["service.name": "shop", "zone": "a"]))))
    #expect(configuration.pushTokenFile == "/t" && configuration.pushLimits.points == 7)
  }

  @Test("a missing metric, keys of another type and limits that are not positive are refused")
  func broken() {
    let problems = problems {
      _ = try forecaster(
        file: """
          limits: {push: {points: 0}}
          workloads:
            - {name: a, metric: rps, source: {type: otlp}}
            - {name: b, metric: rps, source: {type: otlp, metric: m, labels: {app: a}}}
            - {name: c, metric: rps, source: {type: remoteWrite, metric: m, attributes: {app: a}}}
          """)
    }
    #expect(
      Set(problems.map { $0.replacing(#/^k.yaml:\d+:\d+: /#, with: "") }) == [
        "workloads[0]: the key 'source.metric' is missing: scrape, otlp, remoteWrite: name of the metric",
        "workloads[1].source.labels: a source of type otlp has no key 'labels'; its keys are metric, attributes, bootstrap",
        "workloads[2].source.attributes: a source of type remoteWrite has no key 'attributes'; its keys are metric, labels, rate, bootstrap",
        "limits.push.points: the limit 0 is not positive; write 1 or more",
      ])
  }
}
