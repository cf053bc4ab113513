import Foundation
import KedastralCore
import KedastralRedisStore
import TestSupport
import Testing

@Suite("Redis authentication and TLS")
struct RedisAccessTests {
  /// The error of a put that cannot succeed, as soon as it contains one of `parts`. On a slow machine a deadline may
  /// pass before the server has responded, and the error does not contain them yet.
  @discardableResult
  private func problem(_ configuration: RedisConfiguration, saying parts: String...) async throws -> String {
    var configuration = configuration
    configuration.callDeadline = .milliseconds(700)
    configuration.connectDeadline = .milliseconds(400)
    var problem = ""
    try await eventually("one of \(parts)") {
      let store = try await TestStore(configuration)
      let error = await #expect(throws: ForecastStoreError.self) { try await store.put(try snapshot("w")) }
      #expect(store.health.problem != nil)
      problem = error?.description ?? ""
      return parts.contains(where: problem.contains)
    }
    return problem
  }

  @Test("connects with a password, and with a user and a password")
  func authentication() async throws {
    let redis = try await RedisServer(
      ["--requirepass", "s3cret:@/"], cli: ["-a", "s3cret:@/", "--no-auth-warning"])
    try await redis.cli("ACL", "SETUSER", "writer", "on", ">other", "~forecast:*", "&forecast:*", "+@all")
    let byDefault = try await TestStore(.quick(.init(url: "redis://:s3cret%3A%40%2F@127.0.0.1:\(redis.port)")))
    try await byDefault.put(try snapshot("w"))
    let byName = try await TestStore(.quick(.init(url: "redis://writer:other@127.0.0.1:\(redis.port)/0")))
    #expect(try await byName.get(WorkloadName("w")) == snapshot("w"))
    let heard = Heard(byName)
    try await eventually("the sweep") { heard.latest("w") != nil }

    let without = try await problem(
      .loopback(redis.port), saying: "it wants a password, and none is set: NOAUTH")
    #expect(without.contains("put w: redis 127.0.0.1:\(redis.port): "))
    let wrong = try await problem(
      .init(url: "redis://writer:wrong@127.0.0.1:\(redis.port)"),
      saying: "it does not accept the user and password: WRONGPASS")
    #expect(!wrong.contains("wrong@"))
  }

  @Test("reads the password file again for each new connection")
  func passwordFile() async throws {
    let redis = try await RedisServer(["--requirepass", "first"], cli: ["-a", "first", "--no-auth-warning"])
    let folder = try TemporaryFolder()
    var configuration = RedisConfiguration.loopback(redis.port)
    configuration.credentials = .init(password: .file(try folder.write("first\n", to: "password")))
    let store = try await TestStore(configuration)
    try await store.put(try snapshot("w"))
    try await redis.cli("CONFIG", "SET", "requirepass", "second")
    _ = try folder.write("second\n", to: "password")
    let cli = try ChildProcess(
      "redis-cli", "-p", "\(redis.port)", "-a", "second", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal")
    _ = try await cli.waitForExit()
    #expect(try await store.put(try snapshot("w")) == .stored)

    configuration.credentials = .init(password: .file("/nonexistent/password"))
    try await problem(configuration, saying: "cannot read the password file /nonexistent/password")
  }

  @Test("reports a missing database by its number")
  func unknownDatabase() async throws {
    let redis = try await RedisServer()
    try await problem(
      .init(url: "redis://127.0.0.1:\(redis.port)/99"),
      saying: "it does not give the database: ERR DB index is out of range")
  }

  @Test("connects over TLS with a client certificate")
  func mutualTLS() async throws {
    let certificates = try await TestCertificates()
    let redis = try await RedisServer(tls: certificates)
    var configuration = RedisConfiguration.quick(try .init(url: "rediss://127.0.0.1:\(redis.port)"))
    configuration.tls?.files = .init(
      certificate: certificates.client, key: certificates.clientKey, authorities: certificates.authority)
    let store = try await TestStore(configuration)
    try await store.put(try snapshot("w"))
    let heard = Heard(store)
    try await eventually("the sweep") { heard.latest("w") != nil }
    configuration.deployment = .single(.network(host: "localhost", port: redis.port))
    #expect(try await TestStore(configuration).get(WorkloadName("w")) != nil)
  }

  @Test("reports why a TLS connection fails")
  func brokenTLS() async throws {
    let certificates = try await TestCertificates()
    let redis = try await RedisServer(tls: certificates)
    var right = try RedisConfiguration(url: "rediss://127.0.0.1:\(redis.port)")
    right.tls?.files = .init(
      certificate: certificates.client, key: certificates.clientKey, authorities: certificates.authority)
    var configuration = right
    configuration.tls?.files.authorities = certificates.foreignAuthority
    try await problem(configuration, saying: "certificate verify failed (self-signed certificate in certificate chain)")

    configuration = right
    configuration.tls?.serverName = "redis.example"
    try await problem(configuration, saying: "certificate verify failed (hostname mismatch)")
    configuration.tls?.serverName = "127.0.0.2"
    try await problem(configuration, saying: "certificate verify failed (IP address mismatch)")
    configuration.tls?.verifiesName = false
    #expect(try await TestStore(.quick(configuration)).put(try snapshot("w")) == .stored)

    configuration = right
    configuration.tls?.files.certificate = nil
    configuration.tls?.files.key = nil
    try await problem(configuration, saying: "perhaps it wants a client certificate, or does not trust ours")

    configuration = right
    configuration.tls = nil
    try await problem(configuration, saying: "before its welcome; perhaps it wants TLS")

    let plain = try await RedisServer()
    configuration = right
    configuration.deployment = .single(.network(host: "127.0.0.1", port: plain.port))
    try await problem(configuration, saying: "during the TLS handshake")
  }

  @Test("warns of a server that cannot be reached from the start, and says when it can")
  func awayFromTheStart() async throws {
    let redis = try await RedisServer()
    redis.kill()
    let store = try await TestStore(.loopback(redis.port))
    try await eventually("the warning") { store.log.lines.contains { $0.hasPrefix("warn redis is unavailable") } }
    #expect(store.log.lines.count { $0.hasPrefix("warn ") } == 1)
    try await redis.restart()
    try await eventually("the server is back") { store.log.lines.contains { $0.contains("redis is reachable") } }
  }

  @Test("reports an unreachable server and the reason")
  func nobodyThere() async throws {
    let port = freePort()
    try await problem(.loopback(port), saying: "no connection within 700ms (127.0.0.1:\(port): Connection refused)")
    // With a name server that does not respond, the deadline passes instead.
    try await problem(
      .init(url: "redis://redis.invalid:6379"),
      saying: "the host name cannot be resolved", "while resolving the host name")
    try await problem(
      .init(url: "unix:///nonexistent/redis.sock"), saying: "/nonexistent/redis.sock: No such file or directory")
  }
}
