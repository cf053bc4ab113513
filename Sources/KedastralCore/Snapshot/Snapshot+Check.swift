#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Snapshot {
  /// The instants that have a text form: the years 0 to 9999.
  private static let instants = -62_167_219_200.0..<253_402_300_800.0

  /// Checks what every reader relies on; errors name the JSON field.
  func check() throws(SnapshotError) {
    guard Self.instants.contains(generatedAt.timeIntervalSince1970) else {
      throw SnapshotError.invalidNumber(field: "generatedAt", problem: "is not in the years 0 to 9999")
    }
    try Self.check(stepSeconds: step.inSeconds, horizonSeconds: horizon.inSeconds)
    guard !values.isEmpty else { throw SnapshotError.lengthMismatch(field: "values", count: 0, expected: 1) }
    try check(values, field: "values")
    try check(desiredReplicas, field: "desiredReplicas")
    if !plannedLoad.isEmpty { try check(plannedLoad, field: "plannedLoad") }
    // What a load requires has no upper limit: it is shown, and never served.
    if !requiredReplicas.isEmpty { try check(requiredReplicas, field: "requiredReplicas", upTo: .max) }
    try checkLimits()
    for path in quantiles.paths {
      guard path.level > 0, path.level < 1 else {
        throw SnapshotError.invalidNumber(
          field: "quantiles", problem: "has the level '\(path.level)', expected 0…1")
      }
      try check(path.values, field: "quantiles.\(path.level)")
    }
    for (field, number) in [
      ("currentValue", currentValue), ("targetPerPod", targetPerPod), ("activationThreshold", activationThreshold),
      ("capacityState.currentLoad", capacityState?.currentLoad),
      ("capacityState.forecastError", capacityState?.forecastError),
    ] {
      guard let number, !number.isFinite else { continue }
      throw SnapshotError.invalidNumber(field: field, problem: "is \(number), expected a finite number")
    }
  }

  /// Checks the single counts of replicas.
  func checkLimits() throws(SnapshotError) {
    for (field, replicas) in [
      ("capacityState.replicas", capacityState?.replicas), ("minReplicas", minReplicas), ("maxReplicas", maxReplicas),
    ] {
      guard let replicas, !(0...CapacityPlan.mostReplicas).contains(replicas) else { continue }
      throw SnapshotError.invalidNumber(
        field: field, problem: "is \(replicas), expected 0 to \(CapacityPlan.mostReplicas)")
    }
  }

  /// Checks lengths of time in seconds; to be called before they become a `Duration`, which cannot hold every number.
  static func check(stepSeconds: Double, horizonSeconds: Double) throws(SnapshotError) {
    guard stepSeconds >= 0.001, stepSeconds < 1e9 else {
      throw SnapshotError.invalidNumber(
        field: "stepSeconds", problem: "is \(stepSeconds), expected a number from 0.001")
    }
    guard horizonSeconds >= 0, horizonSeconds < 1e9 else {
      throw SnapshotError.invalidNumber(
        field: "horizonSeconds", problem: "is \(horizonSeconds), expected a number from 0")
    }
  }

  private func check(_ numbers: [Double], field: String) throws(SnapshotError) {
    guard numbers.count == values.count else {
      throw SnapshotError.lengthMismatch(field: field, count: numbers.count, expected: values.count)
    }
    guard numbers.allSatisfy(\.isFinite) else {
      throw SnapshotError.invalidNumber(field: field, problem: "has an entry that is not finite")
    }
  }

  private func check(
    _ replicas: [Int], field: String, upTo limit: Int = CapacityPlan.mostReplicas
  ) throws(SnapshotError) {
    guard replicas.count == values.count else {
      throw SnapshotError.lengthMismatch(field: field, count: replicas.count, expected: values.count)
    }
    guard replicas.allSatisfy({ $0 >= 0 }) else {
      throw SnapshotError.invalidNumber(field: field, problem: "has a negative entry")
    }
    if let most = replicas.max(), most > limit {
      throw SnapshotError.invalidNumber(field: field, problem: "has \(most), expected 0 to \(limit)")
    }
  }
}
