import KedastralCore

extension ScrapeSource: IdentifiedSource {
  package var loadIdentity: String { ["scrape", endpoint.identity, selector.description].joined(separator: "\n") }

  package var hasPast: Bool { false }
}
