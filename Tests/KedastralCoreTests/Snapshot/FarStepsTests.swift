import Foundation
import Testing

@testable import KedastralCore

@Suite("Long plans in stores")
struct FarStepsTests {
  /// A plan per minute with a daily wave.
  private func plan(minutes: Int) throws -> Snapshot {
    let values = (0..<minutes).map { 1000 + 800 * sin(Double($0) / 229.18) }
    let planned = values.map { $0 * 1.2 }
    return try Snapshot(
      workload: try WorkloadName("shop"), metric: "rps", generatedAt: Date(timeIntervalSince1970: 1_790_000_000),
      step: .seconds(60), horizon: .seconds(60 * minutes), values: values,
      desiredReplicas: planned.map { Int(($0 / 50).rounded(.up)) },
      quantiles: Quantiles([
        Quantiles.Path(level: 0.5, values: values), Quantiles.Path(level: 0.9, values: values.map { $0 * 1.1 }),
      ]), plannedLoad: planned, requiredReplicas: planned.map { Int(($0 / 50).rounded(.up)) }, bounds: 1...100,
      model: "auto")
  }

  @Test("the plan of a day has the same first four hours and never fewer replicas, in a quarter of the bytes")
  func day() throws {
    let plan = try plan(minutes: 1440)
    let stored = try plan.storedJSON()
    let whole = try plan.json()
    #expect(stored.count * 4 < whole.count + 4096, "\(stored.count) of \(whole.count) bytes")
    #expect(stored.count < 32_768)
    let read = try Snapshot(json: stored)
    #expect(read.values.count == 1440 && read.horizon == plan.horizon && read.step == plan.step)
    #expect(read.values[..<240] == plan.values[..<240] && read.plannedLoad[..<240] == plan.plannedLoad[..<240])
    #expect(read.desiredReplicas[..<240] == plan.desiredReplicas[..<240])
    #expect(zip(read.desiredReplicas, plan.desiredReplicas).allSatisfy { $0 >= $1 && $0 <= $1 + 2 })
    #expect(zip(read.values, plan.values).allSatisfy { abs($0 - $1) < 0.05 * $1 + 1 })
    #expect(try #require(read.quantiles[0.9]).count == 1440)
    // What was read is stored again as the same.
    #expect(try Snapshot(json: read.storedJSON()) == read)
  }

  @Test("plans up to four and a half hours are stored step by step, and the last block may be short")
  func lengths() throws {
    #expect(try plan(minutes: 270).storedJSON() == plan(minutes: 270).json())
    for minutes in [271, 284, 285, 286, 10_000] {
      let plan = try plan(minutes: minutes)
      #expect(try Snapshot(json: plan.storedJSON()).values.count == minutes)
    }
  }

  @Test(
    "blocks that do not fit are an error",
    arguments: [
      (#""every":15"#, #""every":0"#, "blocks of 0"), (#""every":15"#, #""every":14"#, "'far.values' has 4 entries"),
      (#""steps":60"#, #""steps":900000000000"#, "has 900000000000 steps"),
      (#""steps":60"#, #""steps":-1"#, "has -1 steps"),
      (#""far":{"desiredReplicas":["#, #""far":{"desiredReplicas":[-5,"#, "'far.desiredReplicas' has 5 entries"),
    ])
  func invalid(part: String, wrong: String, expected: String) throws {
    let text = String(decoding: try plan(minutes: 300).storedJSON(), as: UTF8.self)
    #expect(text.contains(part))
    let error = #expect(throws: SnapshotError.self) {
      try Snapshot(json: Data(text.replacing(part, with: wrong).utf8))
    }
    #expect(error.map { "\($0)".contains(expected) } == true, "\(error.map { "\($0)" } ?? "")")
  }
}
