import Foundation
import KedastralCore
import TestSupport
import Testing

@Suite("ScaledObjects to copy")
struct ScaledObjectTests {
  private static let parser = """
    import json, sys, yaml
    print(json.dumps(yaml.safe_load(sys.stdin)["spec"]["triggers"][0]["metadata"]))
    """

  /// The metadata of the trigger that a forecaster writes.
  private func trigger(_ port: UInt16, _ parameters: String) async throws -> [String: String] {
    let url = "http://127.0.0.1:\(port)/scaledobject?workload=api\(parameters)"
    let parse = try ChildProcess(
      "sh", "-c", "curl --silent --fail '\(url)' | '\(Repository.python)' -c \"$0\"", Self.parser)
    #expect(try await parse.waitForExit() == 0, "\(parse.output)")
    return try JSONDecoder().decode([String: String].self, from: Data(parse.output.utf8))
  }

  @Test("the scaler's response follows the trigger's mode and select")
  func parameters() async throws {
    let trace = try PlayedTrace { _ in 304 }
    try trace.configure("  - {name: api}")
    let (http, grpc) = (freePort(), freePort())
    let host = try Daemon(
      "kedastral",
      ["run", "-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(grpc)", "-config", trace.file])
    try await eventually("a plan") { await Daemon.get(http, "/forecast/current?workload=api").status == 200 }
    let written: Set = ["scalerAddress", "workload", "leadTime"]
    for (parameters, keys, target, value) in [
      ("", [:], 1.0, 31.0), ("&mode=replicas&select=max", [:], 1, 31),
      ("&mode=load", ["mode": "load"], 1000, 30_400), ("&select=at-lead", ["select": "at-lead"], 1, 31),
      ("&select=at-lead&mode=load&leadTime=90s", ["mode": "load", "select": "at-lead"], 1000, 30_400),
    ] as [(String, [String: String], Double, Double)] {
      let metadata = try await trigger(http, parameters)
      #expect(metadata.filter { !written.contains($0.key) } == keys, "\(parameters)")
      #expect(metadata["leadTime"] == (parameters.contains("leadTime") ? "1m30s" : "5m"))
      let answer = try await KEDAClient.ask(grpc, metadata)
      #expect(answer.target == target && answer.value == value, "\(parameters): \(answer)")
    }
    for parameters in ["&mode=pods", "&select=now"] {
      let refused = await Daemon.get(http, "/scaledobject?workload=api\(parameters)")
      #expect(refused.status == 400 && refused.body.contains("expected "), "\(refused.body)")
    }
    for (options, query) in [([], ""), (["--lead-time", "90s"], "&leadTime=1m30s")] as [([String], String)] {
      let got = try await Daemon.run(
        "kedastral", ["get", "scaledobject", "api", "--server", "http://127.0.0.1:\(http)"] + options)
      let served = await Daemon.get(http, "/scaledobject?workload=api\(query)").body
      #expect(got.exitCode == 0 && got.output.split(separator: "\n") == served.split(separator: "\n"), "\(got.output)")
    }
    #expect(!host.process.output.contains("nobody reads"), "every key is known to the scaler")
    host.process.kill()
  }
}
