import Foundation
import KedastralNet
import KedastralSources
import TestSupport
import Testing

@testable import KedastralKubernetes

@Suite("Access to a cluster")
struct AccessTests {
  private func kubeconfig(user: String, cluster: String = #""server": "https://api:6443""#) throws -> Kubeconfig {
    let text = """
      {"apiVersion": "v1", "kind": "Config", "current-context": "here", "preferences": {},
       "clusters": [{"name": "c", "cluster": {\(cluster)}}],
       "users": [{"name": "u", "user": {\(user)}}],
       "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
                    {"name": "bare", "context": {"cluster": "c"}},
                    {"name": "lost", "context": {"cluster": "x", "user": "u"}}]}
      """
    return try JSONDecoder().decode(Kubeconfig.self, from: Data(text.utf8))
  }

  private func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch {
      return "\(error)"
    }
  }

  @Test("a pod's access comes from its environment and its service account")
  func inCluster() throws {
    let folder = try TemporaryFolder()
    for (name, text) in [("token", "secret\n"), ("ca.crt", "PEM"), ("namespace", "monitoring\n")] {
      _ = try folder.write(text, to: name)
    }
    let access = try ClusterAccess.inCluster(
      environment: ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"], folder: folder.url.path)
    #expect(access.endpoint.url == "https://[fd00::1]:443")
    #expect(access.namespace == "monitoring")
    #expect(access.endpoint.tls.authorities == folder.url.path + "/ca.crt")
    #expect("\(access.endpoint.credentials)" == "bearer token")
  }

  @Test("a pod without variables or without a service account is refused with what is missing")
  func notInCluster() {
    #expect(
      problem { _ = try ClusterAccess.inCluster(environment: [:]) }.contains(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"))
    let environment = ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"]
    #expect(
      problem { _ = try ClusterAccess.inCluster(environment: environment, folder: "/nowhere") }
        == "Kubernetes: cannot read /nowhere/token; set automountServiceAccountToken: true for the pod")
  }

  @Test("a kubeconfig's context gives server, credentials and namespace")
  func context() throws {
    let cluster = #""server": "https://api:6443", "certificate-authority": "ca.pem", "proxy-url": "http://proxy:1""#
    let config = try kubeconfig(
      user: #""client-certificate-data": "Q0VSVA==", "client-key": "/keys/u.key", "tokenFile": "t", "token": "old""#,
      cluster: cluster)
    let access = try config.access(folder: "/home/me/.kube")
    #expect(access.endpoint.url == "https://api:6443")
    #expect(access.namespace == "shop")
    #expect(access.endpoint.tls.authorities == "/home/me/.kube/ca.pem")
    #expect(access.endpoint.tlsTexts.certificate == Array("CERT".utf8))
    #expect(access.endpoint.tls.key == "/keys/u.key")
    #expect(access.endpoint.proxy == .server("http://proxy:1"))
    #expect("\(access.endpoint.credentials)" == "bearer token")
    let bare = try config.access(context: "bare")
    #expect(bare.namespace == "default")
    #expect("\(bare.endpoint.credentials)" == "none")
  }

  @Test(
    "a kubeconfig that needs what is not supported is refused in one line",
    arguments: [
      (
        #""exec": {"command": "aws"}"#,
        "user 'u': exec is not supported; use a token, a tokenFile or a client certificate"
      ),
      (
        #""auth-provider": {"name": "gcp"}"#,
        "user 'u': auth-provider is not supported; use a token, a tokenFile or a client certificate"
      ),
      (#""as": "admin""#, "user 'u': as is not supported; use a token, a tokenFile or a client certificate"),
      (#""client-key-data": "%%%%""#, "user 'u': client-key-data is not valid base64"),
    ])
  func refused(user: String, expected: String) throws {
    let config = try kubeconfig(user: user)
    #expect(problem { _ = try config.access() } == "kubeconfig: " + expected)
  }

  @Test("a kubeconfig's unknown contexts, clusters and unverified servers are refused")
  func unknown() throws {
    let config = try kubeconfig(user: "")
    #expect(
      problem { _ = try config.access(context: "there") }
        == "kubeconfig: unknown context 'there'; the file has: here, bare, lost")
    #expect(problem { _ = try config.access(context: "lost") } == "kubeconfig: context 'lost': unknown cluster 'x'")
    let unverified = try kubeconfig(user: "", cluster: #""server": "https://a", "insecure-skip-tls-verify": true"#)
    #expect(problem { _ = try unverified.access() }.contains("insecure-skip-tls-verify is not supported"))
  }

  @Test("client certificates are used as files and as text, and a rotated token is read again")
  func overTLS() async throws {
    let certificates = try await TestCertificates()
    let server = try await APIServerDouble(
      "--cert", certificates.server, "--key", certificates.serverKey, "--client-ca", certificates.authority,
      scheme: "https")
    defer { server.stop() }
    func base64(_ path: String) throws -> String { try Data(contentsOf: URL(filePath: path)).base64EncodedString() }
    let folder = try TemporaryFolder()
    let token = try folder.write("first", to: "token")
    let texts = """
      "client-certificate-data": "\(try base64(certificates.client))",
      "client-key-data": "\(try base64(certificates.clientKey))", "tokenFile": "\(token)"
      """
    let files = #""client-certificate": "\#(certificates.client)", "client-key": "\#(certificates.clientKey)""#
    let authority =
      #""server": "\#(server.url)", "certificate-authority-data": "\#(try base64(certificates.authority))""#
    let file = #""server": "\#(server.url)", "certificate-authority": "\#(certificates.authority)""#
    let byText = server.client(access: try kubeconfig(user: texts, cluster: authority).access())
    #expect(try await byText.list(Widget.self).objects.isEmpty)
    let byFile = server.client(access: try kubeconfig(user: files, cluster: file).access())
    #expect(try await byFile.list(Widget.self).objects.isEmpty)
    let without = server.client(access: try kubeconfig(user: "", cluster: file).access())
    await #expect(throws: KubernetesError.self) { try await without.list(Widget.self) }

    _ = try folder.write("the second", to: "token")
    _ = try await byText.list(Widget.self)
    let controlled = try kubeconfig(user: texts, cluster: authority).access().endpoint
    let log = try await server.http.send(HTTPRequest(controlled, path: "/double/log")).body
    let seen = try JSONDecoder().decode([APIServerDouble.Request].self, from: Data(log)).map(\.authorization)
    #expect(seen == ["Bearer first", "", "Bearer the second"])
  }
}
