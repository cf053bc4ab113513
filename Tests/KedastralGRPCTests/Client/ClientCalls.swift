import KedastralGRPC
import KedastralNet
import Testing

/// Calls a server at `port` of the loopback address, and closes the client afterwards.
func calling<Result: Sendable>(
  _ port: UInt16, tls: TLSContext.Files? = nil, serverName: String? = nil, host: String = "127.0.0.1",
  deadline: Duration = .seconds(20), configure: (inout GRPCClient.Configuration) -> Void = { _ in },
  _ body: (ExternalScalerClient) async throws -> Result
) async throws -> Result {
  let loop = try EventLoop()
  var configuration = GRPCClient.Configuration(
    .network(host: host, port: port), tls: tls, serverName: serverName)
  configure(&configuration)
  let client = try await GRPCClient(configuration, on: loop)
  do {
    let result = try await body(ExternalScalerClient(client, deadline: deadline))
    await client.close()
    await loop.stop()
    return result
  } catch {
    await client.close()
    await loop.stop()
    throw error
  }
}

/// The error of a call that must fail.
func failure(_ call: () async throws -> some Sendable) async throws -> GRPCCallError {
  try #require(await #expect(throws: GRPCCallError.self) { _ = try await call() })
}

/// A ScaledObject.
func object(_ name: String, _ metadata: ScaledObjectReference.Metadata = [:]) -> ScaledObjectReference {
  ScaledObjectReference(name: name, namespace: "tests", metadata: metadata)
}
