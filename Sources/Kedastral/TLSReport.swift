import KedastralCore
import KedastralNet

/// Reports the certificates that a listener uses, including the first, to metrics and log.
package struct TLSReport: Sendable {
  private let listener: String
  private let logger: KedastralLogger
  private let expiry: Metric
  private let reloads: MetricFamily

  package init(listener: String, metrics: MetricsRegistry, logger: KedastralLogger) {
    self.listener = listener
    self.logger = logger
    expiry = metrics.gauge(
      "kedastral_tls_certificate_not_after_seconds",
      help: "When the validity of the certificate in use ends, in seconds since the Unix epoch, by listener.",
      labels: ["listener"]
    ).with(listener)
    reloads = metrics.counter(
      "kedastral_tls_reloads_total",
      help:
        "Number of times that new certificate files were read, by listener and result; refused files change nothing.",
      labels: ["listener", "result"])
  }

  package func tell(_ change: TLSIdentity.Change) {
    switch change {
    case .loaded(let context):
      reloads.with(listener, "loaded").increment()
      if let seconds = context.certificateExpiry { expiry.set(seconds) }
      logger.info("TLS certificate in use", ["listener": listener])
    case .refused(let error):
      reloads.with(listener, "refused").increment()
      logger.error(
        "new TLS files cannot be used, the previous ones stay in use", ["listener": listener, "error": "\(error)"])
    }
  }
}
