import KedastralCore

extension PrometheusSource: IdentifiedSource {
  package var loadIdentity: String { ["prometheus", endpoint.identity, query].joined(separator: "\n") }
}
