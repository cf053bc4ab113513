import KedastralTesting
import Testing

// snippet.show
@Suite("By laws: what holds for any load")
struct LawTests {
  /// A thousand forecasts that look like nothing in particular; a seed makes each run the same.
  private func forecasts() -> [(loads: [Double], before: Int?)] {
    var random = SeededGenerator(seed: 7)
    return (0..<1000).map { _ in
      let loads = (0..<Int.random(in: 1...30, using: &random)).map { _ in Double.random(in: 0...1000, using: &random) }
      return (loads, Bool.random(using: &random) ? nil : [2, 4, 8, 16].randomElement(using: &random))
    }
  }

  @Test("a step has one of the sizes, and never less than it needs while there is such a size")
  func enough() {
    for (loads, before) in forecasts() {
      for (load, replicas) in zip(loads, plan(loads, from: before)) {
        #expect([2, 4, 8, 16].contains(replicas))
        #expect(Double(replicas) * 50 >= min(load, 16 * 50))
      }
    }
  }

  @Test("more load never means fewer pods")
  func monotone() {
    for (loads, before) in forecasts() {
      let more = plan(loads.map { $0 * 1.2 + 10 }, from: before)
      #expect(zip(plan(loads, from: before), more).allSatisfy { $0 <= $1 })
    }
  }

  @Test("who goes down does not come up again within the forecast")
  func calm() {
    for (loads, before) in forecasts() {
      let sizes = plan(loads, from: before)
      for (index, size) in sizes.enumerated().dropFirst() where size < sizes[index - 1] {
        #expect(sizes[index...].allSatisfy { $0 <= sizes[index - 1] })
      }
    }
  }
}
