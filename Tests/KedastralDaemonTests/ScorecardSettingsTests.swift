import Testing

@testable import KedastralDaemon

@Suite("Scorecard settings")
struct ScorecardSettingsTests {
  private static let workloads = """
    workloads:
      - {name: api, metric: rps, source: {query: up}}
    """

  @Test("startup, utilization and price come from the file, flags and variables, and have defaults")
  func values() throws {
    let standard = try forecaster(file: Self.workloads).scorecard
    #expect(standard == ScorecardSettings(startup: .seconds(180), utilization: 0.7, price: nil))
    let file = "scorecard: {startup: 45s, utilization: 0.6, price: 0.04}\n" + Self.workloads
    let given = try forecaster(file: file).scorecard
    #expect(given == ScorecardSettings(startup: .seconds(45), utilization: 0.6, price: 0.04))
    let mixed = try forecaster(
      file: file, ["-scorecard-startup=1m"], environment: ["SCORECARD_PRICE": "0.1"]
    ).scorecard
    #expect(mixed == ScorecardSettings(startup: .seconds(60), utilization: 0.6, price: 0.1))
  }

  @Test("values out of range are refused with what to write instead")
  func problems() {
    let file = "scorecard: {startup: 2h, utilization: 1.2, price: -1}\n" + Self.workloads
    let found = KedastralDaemonTests.problems { _ = try forecaster(file: file) }
    #expect(found.count == 3)
    for text in ["is not between 0s and 1h", "is not a share above 0", "is not positive; write one such as 0.04"] {
      #expect(found.contains { $0.contains(text) }, "\(found)")
    }
  }

  @Test("a changed scorecard needs a restart")
  func reload() throws {
    let running = try forecaster(file: Self.workloads)
    let new = try forecaster(file: "scorecard: {price: 0.04}\n" + Self.workloads)
    #expect(new.needingRestart(after: running) == ["scorecard"])
  }
}
