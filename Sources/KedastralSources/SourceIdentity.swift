import KedastralCore

// What a source's load depends on. Credentials are left out, because they change without changing the load.

extension PrometheusSource: IdentifiedSource {
  package var loadIdentity: String { ["prometheus", endpoint.identity, query].joined(separator: "\n") }
}

extension ScrapeSource: IdentifiedSource {
  package var loadIdentity: String { ["scrape", endpoint.identity, selector.description].joined(separator: "\n") }
}

extension HTTPEndpoint {
  /// The URL, and the headers that are not credentials: one can select a tenant.
  var identity: String {
    let credentials: Set = ["authorization", "proxy-authorization", "cookie"]
    let kept = headers.filter { !credentials.contains($0.name.lowercased()) }
    return ([url] + kept.map { "\($0.name): \($0.value)" }).joined(separator: "\n")
  }
}
