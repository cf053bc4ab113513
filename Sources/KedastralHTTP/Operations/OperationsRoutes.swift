import KedastralCore

extension HTTPRouter {
  /// Adds what every daemon offers its cluster: `/healthz` (it lives), `/readyz` (it can do its work) and `/metrics`.
  ///
  /// - Parameter beforeMetrics: brings metrics up to date that are only worth computing when somebody reads them.
  mutating func addOperations(
    metrics: MetricsRegistry, readiness: Readiness, beforeMetrics: @escaping () -> Void = {}
  ) {
    get("/healthz", isOpen: true) { _ in .now(.json(Array(#"{"status":"ok"}"#.utf8))) }
    get("/readyz", isOpen: true) { _ in
      let reasons = readiness.reasons
      var text = JSONText()
      text.object {
        $0.member("ready", reasons.isEmpty)
        $0.member("reasons") { $0.array(reasons) { $0.string($1) } }
      }
      return .now(.json(status: reasons.isEmpty ? 200 : 503, text.bytes))
    }
    get("/metrics") { request in
      beforeMetrics()
      readiness.publish(in: metrics)
      let format = MetricsText.Format(accept: request.accept)
      // With thousands of workloads this takes milliseconds, which the loop's other clients need not wait for.
      return .later { HTTPResponse(type: format.contentType, body: MetricsText.write(metrics, as: format)) }
    }
  }
}
