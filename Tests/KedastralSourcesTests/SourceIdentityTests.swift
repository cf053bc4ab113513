import Foundation
import KedastralCore
import KedastralNet
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralSources

@Suite("Identities of sources")
struct SourceIdentityTests {
  @Test("differ by server, query and tenant, and not by credentials")
  func prometheus() async throws {
    try await withClient { client in
      func identity(
        _ url: String = "http://p:9090", _ query: String = "load", _ credentials: HTTPCredentials = .none,
        headers: [HTTPHeader] = []
      ) -> String {
        let endpoint = HTTPEndpoint(url, credentials: credentials, headers: headers)
        return PrometheusSource(endpoint: endpoint, query: query, client: client).loadIdentity
      }
      #expect(identity() == identity("http://p:9090", "load", .bearer("a")))
      #expect(identity() == identity(headers: [HTTPHeader("Authorization", "Bearer b")]))
      #expect(identity() != identity("http://q:9090"))
      #expect(identity() != identity("http://p:9090", "other"))
      #expect(identity() != identity(headers: [HTTPHeader("X-Scope-OrgID", "team")]))
    }
  }

  @Test("differ by what is read from a page or a response")
  func others() async throws {
    try await withClient { client in
      let clock = ManualClock(at: Date(timeIntervalSince1970: 1_769_860_800))
      func page(_ metric: String) throws -> String {
        ScrapeSource(
          endpoint: HTTPEndpoint("http://a/metrics"), selector: try ScrapeSelector(metric), step: .seconds(60),
          client: client, clock: clock
        ).loadIdentity
      }
      func response(_ path: String, _ app: String = "shop") throws -> String {
        try HTTPSource(
          endpoint: HTTPEndpoint("http://a/{{app}}"), valuePath: path, variables: ["app": app], client: client,
          clock: clock
        ).loadIdentity
      }
      let identities = try [page("a"), page("b"), response("a"), response("b"), response("a", "till")]
      #expect(Set(identities).count == identities.count)
      #expect(try page("a") == identities[0] && response("a") == identities[2])
    }
  }
}
