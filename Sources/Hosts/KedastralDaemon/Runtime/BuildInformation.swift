import KedastralCore

/// What this build is, as a metric: `kedastral_build_info{version="…"} 1`.
enum BuildInformation {
  static func publish(in metrics: MetricsRegistry) {
    metrics.gauge("kedastral_build_info", help: "The version of this process; always 1.", labels: ["version"])
      .with(Program.version).set(1)
  }
}
