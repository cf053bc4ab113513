import KedastralCore
import Testing

@testable import KedastralEvaluation

@Suite("Simulated cluster")
struct SimulatedClusterTests {
  @Test("pods serve after their startup time, and not before")
  func startup() {
    var cluster = SimulatedCluster(readyPods: 2, startupSyncs: 3)
    cluster.order(5)
    var ready: [Int] = []
    for _ in 0..<5 {
      ready.append(cluster.readyPods)
      cluster.advance()
    }
    #expect(ready == [2, 2, 2, 5, 5])
    #expect(cluster.orderedPods == 5)
  }

  @Test("surplus pods are removed at once, those that would be ready last first")
  func leaving() {
    var cluster = SimulatedCluster(readyPods: 2, startupSyncs: 2)
    cluster.order(4)
    cluster.advance()
    cluster.order(7)
    cluster.order(3)
    #expect(cluster.orderedPods == 3)
    cluster.advance()
    #expect(cluster.readyPods == 3)
    cluster.order(1)
    #expect(cluster.readyPods == 1)
    cluster.order(0)
    #expect(cluster.orderedPods == 0)
  }

  @Test("without a startup time pods serve at once")
  func immediate() {
    var cluster = SimulatedCluster(readyPods: 0, startupSyncs: 0)
    cluster.order(3)
    #expect(cluster.readyPods == 3)
  }
}

@Suite("Horizontal autoscaler")
struct HorizontalAutoscalerTests {
  private func run(
    _ proposals: [Int], from start: Int, _ behavior: HorizontalAutoscaler.Behavior = .init()
  ) -> [Int] {
    var autoscaler = HorizontalAutoscaler(behavior)
    var current = start
    return proposals.enumerated().map { sync, proposal in
      current = autoscaler.replicas(
        for: .init(pods: Double(proposal), current: current), current: current, sync: sync)
      return current
    }
  }

  @Test("a usage within 10 % of its target changes nothing")
  func tolerance() {
    #expect(run([11, 9, 10], from: 10) == [10, 10, 10])
    #expect(run([12], from: 10) == [12])
  }

  @Test("growth is four pods or double per sync, whichever is more")
  func growth() {
    #expect(run([100, 100, 100, 100, 100], from: 1) == [5, 10, 20, 40, 80])
  }

  @Test("a fall waits until nothing within 300 s requested more")
  func stabilization() {
    let replicas = run([10, 10] + Array(repeating: 4, count: 21), from: 10)
    #expect(Array(replicas[2...20]) == Array(repeating: 10, count: 19))
    #expect(replicas[21] == 4)
  }

  @Test("a rise within the window is applied at once, and held")
  func riseWhileFalling() {
    let replicas = run([4, 8, 4, 4], from: 6, .init(scaleDownStabilization: .seconds(30)))
    #expect(replicas == [4, 8, 8, 4])
  }

  @Test("the bounds are kept")
  func bounds() {
    let behavior = HorizontalAutoscaler.Behavior(scaleDownStabilization: .zero, minReplicas: 2, maxReplicas: 6)
    #expect(run([100, 100, 0], from: 4, behavior) == [6, 6, 2])
  }
}
