import Foundation
import TestSupport

/// One of this package's executables, started on free ports.
struct Daemon {
  let process: ChildProcess

  init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
    let path = Repository.products.appendingPathComponent(name).path
    process = try ChildProcess(path, arguments: arguments, environment: environment)
  }

  /// Waits for the program's end.
  static func run(
    _ name: String, _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> (exitCode: Int32, output: String) {
    let daemon = try Daemon(name, arguments, environment: environment)
    let code = try await daemon.process.waitForExit()
    return (code, daemon.process.output)
  }

  /// Requests a path from an HTTP server; status 0 without a response.
  static func get(_ port: UInt16, _ path: String) async -> (status: Int, body: String) {
    guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { return (0, "") }
    do {
      let request = try ChildProcess(
        "curl", "--silent", "--max-time", "10", "--write-out", "\n%{http_code}", url.absoluteString)
      _ = try await request.waitForExit()
      let lines = request.output.split(separator: "\n", omittingEmptySubsequences: false)
      return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
    } catch {
      return (0, "\(error)")
    }
  }
}

/// The official Python client, calling a scaler as KEDA does.
enum KEDAClient {
  private static let script = """
    import json, sys, grpc
    import externalscaler_pb2 as pb, externalscaler_pb2_grpc as stubs
    address, metadata = sys.argv[1], json.loads(sys.argv[2])
    channel = grpc.insecure_channel(address)
    stub = stubs.ExternalScalerStub(channel)
    ref = pb.ScaledObjectRef(name=metadata.pop("name", "object"), namespace="default", scalerMetadata=metadata)
    try:
      spec = stub.GetMetricSpec(ref, timeout=60).metricSpecs[0]
      value, ended = stub.GetMetrics.with_call(
        pb.GetMetricsRequest(scaledObjectRef=ref, metricName=spec.metricName), timeout=60)
      active = stub.IsActive(ref, timeout=60)
      print(json.dumps({"metric": spec.metricName, "target": spec.targetSizeFloat,
        "value": value.metricValues[0].metricValueFloat, "active": active.result,
        "trailers": dict(ended.trailing_metadata() or ())}))
    except grpc.RpcError as error:
      print(json.dumps({"code": error.code().name, "details": error.details()}))
    """

  struct Answer: Decodable, Equatable {
    var metric: String?
    var target: Double?
    var value: Double?
    var active: Bool?
    var trailers: [String: String]?
    var code: String?
    var details: String?
  }

  /// Calls GetMetricSpec, GetMetrics and IsActive.
  static func ask(_ port: UInt16, _ metadata: [String: String]) async throws -> Answer {
    let arguments = String(decoding: try JSONEncoder().encode(metadata), as: UTF8.self)
    let client = try ChildProcess(Repository.python, "-c", script, "127.0.0.1:\(port)", arguments)
    _ = try await client.waitForExit()
    return try JSONDecoder().decode(Answer.self, from: Data(client.output.utf8))
  }
}

extension Daemon {
  /// The lines of its log, which it was started to write as JSON.
  var log: [[String: String]] {
    process.output.split(separator: "\n").compactMap {
      try? JSONDecoder().decode([String: String].self, from: Data($0.utf8))
    }
  }

  /// The lines with this message, at these levels alone when some are given.
  func lines(_ message: String, at levels: String...) -> [[String: String]] {
    log.filter { $0["msg"] == message && (levels.isEmpty || levels.contains($0["level"] ?? "")) }
  }

  /// A metric's value, by its name and labels as they are written; nil when it is not exported.
  static func metric(_ port: UInt16, _ series: String) async -> Double? {
    await get(port, "/metrics").body.split(separator: "\n").first { $0.hasPrefix(series + " ") }
      .flatMap { Double($0.dropFirst(series.count + 1)) }
  }
}
