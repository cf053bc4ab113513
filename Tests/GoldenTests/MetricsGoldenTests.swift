import Foundation
import TestSupport
import Testing

@Suite("Golden: metrics")
struct MetricsGoldenTests {
  /// The families of an exposition, with their types and labels; a certificate's and a histogram's own labels too.
  private func families(_ exposition: String) -> [String: JSONDocument] {
    var kinds: [String: String] = [:]
    var labels: [String: Set<String>] = [:]
    for line in exposition.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      if words.starts(with: ["#", "TYPE"]), words.count == 4 {
        kinds[words[2]] = words[3]
      } else if let sample = line.prefixMatch(of: /(\w+)\{(.*)\}/) {
        let name = String(sample.1.replacing(/_bucket$/, with: ""))
        labels[name, default: []].formUnion(sample.2.matches(of: /(\w+)="/).map { String($0.1) })
      }
    }
    return Dictionary(
      uniqueKeysWithValues: kinds.map { name, kind -> (String, JSONDocument) in
        let names = (labels[name] ?? []).sorted().map { ($0, JSONDocument.bool(true)) }
        return (name, ["type": .text(kind), "labels": .object(Dictionary(uniqueKeysWithValues: names))])
      })
  }

  @Test("each recorded metric of a forecaster and a scaler is exported with its type and labels")
  func names() async throws {
    let certificates = try await TestCertificates()
    let folder = try TemporaryFolder()
    let lines = (0..<3000).map { "\(1_700_000_000 + 60 * $0),\(100 + $0 % 60)" }
    let csv = try folder.write("timestamp,value\n" + lines.joined(separator: "\n") + "\n", to: "trace.csv")
    let file = try folder.write(
      """
      defaults:
        {metric: rps, model: baseline, interval: 1s, window: 2d, horizon: 10m, policy: {targetPerPod: 10}}
      workloads:
        - {name: api-app, series: {ahead: 5m}, source: {type: csv, path: \(csv)}}
        - {name: away, source: {type: http, url: "http://127.0.0.1:\(freePort())", valuePath: v, timestampPath: t}}
      """, to: "kedastral.yaml")
    let (http, grpc) = (freePort(), freePort())
    let host = try Kedastral.start(arguments: [
      "-config", file, "-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(grpc)",
    ])
    // Two scalers that ask a forecaster: one with TLS, and one whose forecaster is not there.
    let operations = [freePort(), freePort()]
    let scalers = try zip(operations, [http, freePort()]).map { port, forecaster in
      try Kedastral.start(
        "kedastral-scaler",
        arguments: [
          "-listen", "127.0.0.1:\(freePort())", "-http-listen", "127.0.0.1:\(port)", "-forecaster-url",
          "http://127.0.0.1:\(forecaster)", "-tls-enabled", "-tls-cert-file", certificates.server, "-tls-key-file",
          certificates.serverKey,
        ])
    }
    // What only an incident brings: an answer from beyond the plan, a client that speaks no HTTP/2, a header without end.
    try await eventually("an answer") {
      let query = try Kedastral.start(arguments: [
        "query", "127.0.0.1:\(grpc)", "-workload", "api-app", "-lead-time", "1h",
      ])
      return try await query.waitForExit() == 0
    }
    for port in [http, grpc] {
      try LoopbackSocket(port: port).send(Array(repeating: UInt8(ascii: "x"), count: 200_000))
    }
    var found: [String: JSONDocument] = [:]
    let recorded = Golden.isRecording ? nil : try Golden.read("metrics")
    try? await eventually("all recorded metrics", within: .seconds(20)) {
      for url in ["http://127.0.0.1:\(http)"] + operations.map({ "https://127.0.0.1:\($0)" }) {
        found.merge(families(try await Kedastral.get(url + "/metrics"))) { $1 }
      }
      return recorded.map { JSONDocument.object(found).differences(from: $0).isEmpty } ?? false
    }
    try Golden.check("metrics", .object(found))
    for process in [host] + scalers { #expect(process.isRunning, "\(process.output)") }
  }
}
