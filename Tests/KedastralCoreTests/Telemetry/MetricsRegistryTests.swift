import KedastralCore
import Testing

@Suite("Metrics registry")
struct MetricsRegistryTests {
  @Test("declaring twice gives the same metric")
  func sameMetric() {
    let registry = MetricsRegistry()
    registry.counter("calls", help: "Calls.", labels: ["method"]).with("a").increment()
    registry.counter("calls", help: "Calls.", labels: ["method"]).with("a").increment(by: 2)
    #expect(registry.all.map(\.name) == ["calls"])
    #expect(registry.all[0].all.map(\.value) == [3])
  }

  @Test("a histogram's buckets are cumulative, with inclusive bounds, and it has a sum")
  func histogram() {
    let metric = MetricsRegistry().histogram("h", help: "", buckets: [1, 2]).with()
    for value in [0.5, 1, 1.5, 9] { metric.observe(value) }
    #expect(metric.cumulativeCounts == [2, 3, 4])
    #expect(metric.value == 12)
  }

  @Test("concurrent increments are not lost")
  func concurrency() async {
    let metric = MetricsRegistry().counter("c", help: "").with()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { for _ in 0..<10_000 { metric.increment() } } }
    }
    #expect(metric.value == 80_000)
  }

  @Test("children are sorted, and a removed one is absent")
  func children() {
    let family = MetricsRegistry().gauge("g", help: "", labels: ["workload"])
    for name in ["b", "a", "c"] { family.with(name).set(1) }
    family.remove("c")
    #expect(family.all.map { $0.labelValues[0] } == ["a", "b"])
  }
}
