extension ForecastLoop {
  /// How long a plan waits for the number of pods.
  private static let podDeadline = Duration.seconds(5)

  /// The replicas that run now, from which a plan without a predecessor starts; nil when they cannot be read.
  func runningReplicas() async -> Int? {
    guard let counter = workload.pods else { return nil }
    do {
      let pods = try await withDeadline(min(Self.podDeadline, workload.collectDeadline), clock: clock) {
        try await counter.runningPods()
      }
      logger.debug("the plan starts from the pods that run", ["workload": workload.name.text, "pods": "\(pods)"])
      return max(0, pods.replicas)
    } catch {
      logger.log(
        Task.isCancelled ? .debug : .info, "the pods cannot be counted; the plan starts without limits of change",
        ["workload": workload.name.text, "error": "\(error)"])
      return nil
    }
  }
}
