import KedastralCore

/// The version of this build as a metric: `kedastral_build_info{version="…"} 1`.
package enum BuildInformation {
  package static func publish(in metrics: MetricsRegistry) {
    metrics.gauge("kedastral_build_info", help: "The version of this process; always 1.", labels: ["version"])
      .with(KedastralService.version).set(1)
  }
}
