import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A snapshot as the Go implementation writes it: the same fields, with capital initials.
enum ReferenceSnapshot {
  private struct Fields: Decodable {
    let Workload: String
    let Metric: String
    let GeneratedAt: String
    let StepSeconds: Double
    let HorizonSeconds: Double
    let Values: [Double]
    let DesiredReplicas: [Int]
  }

  private struct CamelFields: Encodable {
    let workload: String
    let metric: String
    let generatedAt: String
    let stepSeconds: Double
    let horizonSeconds: Double
    let values: [Double]
    let desiredReplicas: [Int]
  }

  /// Reads a snapshot in either spelling; it is validated like any snapshot.
  static func snapshot(json: Data) throws -> Snapshot {
    guard let fields = try? JSONDecoder().decode(Fields.self, from: json) else { return try Snapshot(json: json) }
    let camel = CamelFields(
      workload: fields.Workload, metric: fields.Metric, generatedAt: fields.GeneratedAt,
      stepSeconds: fields.StepSeconds, horizonSeconds: fields.HorizonSeconds, values: fields.Values,
      desiredReplicas: fields.DesiredReplicas)
    return try Snapshot(json: try JSONEncoder().encode(camel))
  }
}
