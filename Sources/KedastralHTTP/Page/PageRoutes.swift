extension HTTPRouter {
  /// Adds the page at `/`, the files that it consists of, and the events that keep it live.
  ///
  /// The files tell nothing of the workloads, so they are open to all; with a token set, the page asks for it. It shows what
  /// the routes that were added before offer.
  mutating func addPage(_ overview: OverviewStream) {
    overview.offers = ["explain", "whatif", "configuration", "scaledobject", "scorecard"].filter { has("/" + $0) }
    let script = "text/javascript; charset=utf-8"
    add("/", "text/html; charset=utf-8", PackageResources.page_html)
    add("/page.css", "text/css; charset=utf-8", PackageResources.page_css)
    add("/page.js", script, PackageResources.page_js)
    add("/list.js", script, PackageResources.list_js)
    add("/card.js", script, PackageResources.card_js)
    add("/workload.js", script, PackageResources.workload_js)
    add("/feed.js", script, PackageResources.feed_js)
    add("/plan.js", script, PackageResources.plan_js)
    add("/chart.js", script, PackageResources.chart_js)
    add("/range.js", script, PackageResources.range_js)
    add("/past.js", script, PackageResources.past_js)
    add("/icon.svg", "image/svg+xml", PackageResources.icon_svg)
    get("/events") { request in
      guard overview.hasRoom else {
        return .now(.failure(503, "\(OverviewStream.maximumViewers) pages are already open, the maximum; close one"))
      }
      do {
        let query = try OverviewQuery(request.query)
        return .events { overview.add($0, query) }
      } catch {
        return .now(.failure(400, "\(error)"))
      }
    }
  }

  private mutating func add(_ path: String, _ type: String, _ content: [UInt8]) {
    let response = HTTPResponse(type: type, body: content)
      .with("Content-Security-Policy", Self.contentSecurityPolicy)
      .with("Referrer-Policy", "no-referrer")
    get(path, isOpen: true) { _ in .now(response) }
  }

  /// Nothing from elsewhere, nothing inline, no frame around it.
  private static let contentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
