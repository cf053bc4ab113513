import KedastralCore

/// Pods in sizes that have been tested, such as 2, 4, 8 and 16, and no others.
///
/// It goes up as soon as a size is too small, and down only when the smaller size is enough for the rest of the forecast: so
/// that no size is given up shortly before it is needed again.
public struct SizeLadder: CapacityPolicy {
  /// The sizes, ascending.
  public let sizes: [Int]
  /// The load that one pod should serve.
  public let targetPerPod: Double
  /// The quantile of the forecast that is planned for.
  public let quantileLevel: Double

  /// Creates a policy.
  ///
  /// - Precondition: there is a size; `targetPerPod` is positive.
  public init(sizes: [Int], targetPerPod: Double, quantileLevel: Double = 0.9) {
    precondition(!sizes.isEmpty && targetPerPod > 0)
    self.sizes = sizes.sorted()
    self.targetPerPod = targetPerPod
    self.quantileLevel = quantileLevel
  }

  public var requiredQuantiles: [Double] { [quantileLevel] }

  public func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
    let loads = forecast.quantiles[quantileLevel] ?? forecast.values
    let needs = loads.map { Int(($0 / targetPerPod).rounded(.up)) }
    // The largest size that each step, or any after it, needs.
    var ahead = needs.map(size(for:))
    for index in ahead.indices.dropLast().reversed() { ahead[index] = max(ahead[index], ahead[index + 1]) }
    var before = state.replicas
    let steps = zip(loads, zip(needs, ahead)).map { load, wanted in
      let own = size(for: wanted.0)
      // A step scales up at once for its own load; a later rise does not scale it up, but prevents scaling down.
      let replicas = before.map { max(own, min($0, wanted.1)) } ?? own
      before = replicas
      return CapacityPlan.Step(load: load, need: wanted.0, replicas: size(for: replicas))
    }
    return CapacityPlan(steps: steps)
  }

  /// The smallest size that is enough, or the largest there is.
  private func size(for need: Int) -> Int { sizes.first { $0 >= need } ?? sizes[sizes.count - 1] }
}
