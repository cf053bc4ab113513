import Glibc

// What scripts/bench measures with: the parts of the project under load, apart from any daemon.
let arguments = Array(CommandLine.arguments.dropFirst())
do {
  switch arguments.first {
  case "loop": try await LoopCost.run(Array(arguments.dropFirst()))
  case "restart": try await RestartCost.run(Array(arguments.dropFirst()))
  case "cold": try await ColdStart.run(Array(arguments.dropFirst()))
  case "scaler": try await ScalerLoad.run(Array(arguments.dropFirst()))
  case "writer": try await RedisWriter.run(Array(arguments.dropFirst()))
  case "query": try await QueryCost.run(Array(arguments.dropFirst()))
  case "store": try await StoreContention.run()
  case "streams": try await StreamLoad.run(Array(arguments.dropFirst()))
  default:
    print(
      """
      usage:
        kedastral-bench loop [WORKLOADS] [MODEL]                  CPU per workload of a forecast round in steady state
        kedastral-bench restart [WORKLOADS] [REDIS_PORT]          CPU and time of the first round after a restart
        kedastral-bench cold [WORKLOADS] [REDIS_PORT] [SECONDS]   first plans and fits of a forecaster without stored histories
        kedastral-bench scaler [PORT] [WORKLOADS] [LOOPS] [CERTIFICATE KEY]   a scaler with generated plans
        kedastral-bench writer REDIS_PORT FIRST COUNT             forecasts workloads into Redis every 30 s
        kedastral-bench query URL WORKLOADS shared|separate ROUNDS END PROMETHEUS_PID   reads from a Prometheus
        kedastral-bench store                                     reads of the memory store by one and two threads
        kedastral-bench streams [COUNT]                           how soon open streams are notified of a change
      """)
    exit(2)
  }
} catch {
  print(error)
  exit(1)
}
