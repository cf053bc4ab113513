import FoundationEssentials
import KedastralCore

@testable import SizeLadder

// snippet.show
/// The instant at which all tests begin: a full hour.
let start = Date(timeIntervalSince1970: 1_767_225_600)

let policy = SizeLadder(sizes: [2, 4, 8, 16], targetPerPod: 50)

/// What the policy plans for loads that are certain, a minute each.
func plan(_ loads: [Double], from replicas: Int? = nil) -> [Int] {
  let forecast = Forecast(start: start, step: .seconds(60), values: loads, model: "scripted")
  return policy.plan(forecast, from: CapacityState(replicas: replicas)).replicas
}
