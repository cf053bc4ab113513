// A capacity policy tested by a table, and by a law that holds for any load.
// snippet.hide
import FoundationEssentials
// snippet.show
import KedastralCore
import KedastralTesting

let policy = try StandardCapacityPolicy(targetPerPod: 50, headroom: 1.2, minReplicas: 2, maxReplicas: 10)

func replicas(_ loads: [Double], from replicas: Int?) -> [Int] {
  let start = Date(timeIntervalSince1970: 0)
  let forecast = Forecast(start: start, step: .seconds(60), values: loads, model: "scripted")
  return policy.plan(forecast, from: CapacityState(replicas: replicas)).replicas
}

// By a table: load, replicas before, replicas planned.
for (load, before, planned) in [(0.0, 2, 2), (100, 2, 3), (400, 2, 4), (400, 8, 10), (0, 8, 4)] {
  precondition(replicas([load], from: before) == [planned], "\(load) from \(before)")
}

// By a law: more load never means fewer pods.
var random = SeededGenerator(seed: 1)
for _ in 0..<1000 {
  let load = Double.random(in: 0...1000, using: &random)
  precondition(replicas([load], from: nil)[0] <= replicas([load + 10], from: nil)[0], "at \(load)")
}
// snippet.hide
print("all hold")
