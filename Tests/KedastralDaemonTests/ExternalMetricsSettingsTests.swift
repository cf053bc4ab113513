import KedastralKubernetes
import KedastralNet
import Testing

@testable import KedastralDaemon

@Suite("Settings of external metrics")
struct ExternalMetricsSettingsTests {
  private let tls = ["-tls-enabled", "-tls-cert-file=/c/tls.crt", "-tls-key-file=/c/tls.key"]

  private func scaler(_ arguments: [String], file: String? = nil) throws -> ScalerConfiguration {
    try running(loader(file).scaler(arguments: (file == nil ? [] : ["-config=k.yaml"]) + arguments))
  }

  @Test("are off unless they have an address, and the cluster says whom to trust unless a file does")
  func reads() throws {
    #expect(try scaler(tls).externalMetrics == nil)
    let address = try ListenAddress(":6443")
    #expect(
      try scaler(tls + ["-external-metrics-listen=:6443"]).externalMetrics
        == ExternalMetricsConfiguration(listen: address))
    let file = """
      externalMetrics: {listen: ":6443", clientCaFile: /c/proxy.crt, clientNames: [front-proxy-client]}
      kubernetes: {kubeconfig: /c/kubeconfig}
      """
    #expect(
      try scaler(tls, file: file).externalMetrics
        == ExternalMetricsConfiguration(
          listen: address, clientAuthority: "/c/proxy.crt", clientNames: ["front-proxy-client"],
          kubeconfig: "/c/kubeconfig"))
  }

  @Test("need a certificate, and names need the authority that issued them")
  func refused() {
    #expect(
      problems { _ = try scaler(["-external-metrics-listen=:6443"]) }.map { $0.contains("-tls-enabled") } == [true])
    #expect(
      problems {
        _ = try scaler(tls + ["-external-metrics-listen=:6443", "-external-metrics-client-names=front-proxy-client"])
      }.map { $0.contains("-external-metrics-client-ca-file") } == [true])
    #expect(
      problems { _ = try scaler(tls + ["-external-metrics-client-ca-file=/c/proxy.crt"]) }
        .map { $0.contains("-external-metrics-listen") } == [true])
  }

  @Test("read the authority and the names that a cluster publishes, and refuse what is not that")
  func published() throws {
    let key = "requestheader-client-ca-file"
    #expect(
      try AggregatorTrust.Content([key: "PEM", "requestheader-allowed-names": #"["front-proxy-client","x"]"#])
        == .init(authority: "PEM", names: ["front-proxy-client", "x"]))
    // Without names the API server accepts each certificate of the authority, and so does this.
    #expect(try AggregatorTrust.Content([key: "PEM", "requestheader-allowed-names": "[]"]).names == [])
    for data in [
      [:], [key: ""], [key: "PEM", "requestheader-allowed-names": "front-proxy-client"],
      [key: "PEM", "requestheader-allowed-names": "[1]"], [key: "PEM", "requestheader-allowed-names": "{}"],
    ] {
      #expect(throws: ClusterAccess.Problem.self) { try AggregatorTrust.Content(data) }
    }
  }
}
