import KedastralCore

extension HTTPRouter {
  /// Adds the routes of every daemon: `/healthz` (the process runs), `/readyz` (it can do its work) and `/metrics`.
  ///
  /// - Parameter beforeMetrics: looks at what changes only on the loop, and returns what brings metrics up to date that are
  ///   worth computing only when somebody reads them.
  mutating func addOperations(
    metrics: MetricsRegistry, readiness: Readiness, beforeMetrics: @escaping () -> @Sendable () -> Void = { {} }
  ) {
    let process = ProcessMetrics(metrics)

    get("/healthz", isOpen: true) { _ in .now(.json(Array(#"{"status":"ok"}"#.utf8))) }
    get("/readyz", isOpen: true) { _ in
      let reasons = readiness.reasons
      let warnings = readiness.warnings
      var text = JSONText()
      text.object {
        $0.member("ready", reasons.isEmpty)
        $0.member("reasons") { $0.array(reasons) { $0.string($1) } }
        if !warnings.isEmpty { $0.member("warnings") { $0.array(warnings) { $0.string($1) } } }
      }
      return .now(.json(status: reasons.isEmpty ? 200 : 503, text.bytes))
    }
    get("/metrics") { request in
      let update = beforeMetrics()
      let format = MetricsText.Format(accept: request.accept)
      // With thousands of workloads this takes milliseconds, which the loop's other clients need not wait for.
      return .aside {
        update()
        readiness.publish(in: metrics)
        process.update()
        return HTTPResponse(type: format.contentType, body: MetricsText.write(metrics, as: format))
      }
    }
  }
}
