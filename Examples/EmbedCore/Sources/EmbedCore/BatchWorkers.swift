import KedastralCore

/// A capacity policy of one's own: workers are started in batches, since their machines come in racks of four.
struct BatchWorkers: CapacityPolicy {
  let targetPerPod: Double
  let batch: Int

  func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
    CapacityPlan(
      steps: forecast.values.map { load in
        let need = Int((load / targetPerPod).rounded(.up))
        let batches = (need + batch - 1) / batch
        return CapacityPlan.Step(load: load, need: need, replicas: batches * batch)
      })
  }
}
