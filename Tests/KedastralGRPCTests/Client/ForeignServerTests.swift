import Foundation
import KedastralGRPC
import KedastralNet
import KedastralTesting
import TestSupport
import Testing

@Suite("The client and other servers")
struct ForeignServerTests {
  @Test("it understands the official server: metadata, several metrics, integers alone, gzip, deadlines")
  func official() async throws {
    let server = try await PythonServer()
    defer { server.stop() }
    try await calling(server.port, deadline: .seconds(30)) { client in
      #expect(try await client.isActive(object("any", ["active": "false"])) == false)
      let specs = try await client.getMetricSpec(object("any", ["a": "2", "b": "0.5"]))
      #expect(specs == [MetricSpec(name: "tests-a", target: 2), MetricSpec(name: "tests-b", target: 0.5)])
      #expect(try await client.getMetricSpec(object("old")) == [MetricSpec(name: "old", target: 7)])
      let many = try await client.getMetricSpec(object("gzip", ["long-name-long-name-long-name": "3"]))
      #expect(many == [MetricSpec(name: "tests-long-name-long-name-long-name", target: 3)])
      #expect(try await client.isActive(object("deadline")))
      try await eventually("the deadline at the server") { server.output.contains(/deadline (2[5-9]|30)/) }
    }
  }

  @Test("its statuses come through, with a message in any script on one line")
  func statuses() async throws {
    let server = try await PythonServer()
    defer { server.stop() }
    try await calling(server.port) { client in
      let away = try await failure { try await client.isActive(object("unavailable")) }
      #expect(away.code == "UNAVAILABLE" && away.message == "away: 100 % sure,\nback soon, grüße")
      #expect("\(away)".hasSuffix("IsActive: UNAVAILABLE: away: 100 % sure, back soon, grüße"))
      #expect(try await failure { try await client.isActive(object("crash")) }.code == "UNKNOWN")
      var seen: [Bool] = []
      let end = try await failure {
        for try await isActive in client.streamIsActive(object("end")) { seen.append(isActive) }
      }
      #expect(seen == [false])
      #expect(end.code == "FAILED_PRECONDITION" && end.message == "the end")
      var count = 0
      for try await _ in client.streamIsActive(object("count-1000")) { count += 1 }
      #expect(count == 1000)
    }
  }

  @Test("a call past its deadline ends with DEADLINE_EXCEEDED, and the connection stays good")
  func deadline() async throws {
    let server = try await PythonServer()
    defer { server.stop() }
    try await calling(server.port, deadline: .milliseconds(300)) { client async throws in
      // The server, which receives the deadline, may end the call first: the error is the same.
      let error = try await failure { try await client.isActive(object("slow")) }
      #expect(error.code == "DEADLINE_EXCEEDED")
      #expect(error.message == "no (complete) response within 300ms")
      var patient = client
      patient.deadline = .seconds(20)
      #expect(try await patient.isActive(object("any")))
    }
  }

  @Test("a cancelled stream is over at the server too")
  func cancelled() async throws {
    let server = try await PythonServer()
    defer { server.stop() }
    try await calling(server.port) { client in
      for try await _ in client.streamIsActive(object("any")) { break }
      try await eventually("the server to notice") { server.output.contains("stream over") }
    }
  }

  @Test("a large message comes whole, one over the limit is refused with its size")
  func large() async throws {
    let server = try await PythonServer()
    defer { server.stop() }
    try await calling(server.port) { client in
      let values = try await client.getMetrics(object("any", ["bytes": "3000000"]), metric: "m")
      #expect(values.map(\.name.utf8.count) == [3_000_001] && values[0].value == 12.5)
      let refused = try await failure {
        try await client.getMetrics(object("any", ["bytes": "5000000"]), metric: "m")
      }
      #expect(refused.code == "RESOURCE_EXHAUSTED" && refused.message.contains("over the limit of 4194304"))
      let request = try await failure {
        try await client.isActive(object(String(repeating: "n", count: 5_000_000)))
      }
      #expect(request.code == "RESOURCE_EXHAUSTED")
      #expect(try await client.getMetrics(object("any"), metric: "m").count == 1)
    }
  }

  @Test("a reader who pauses holds up the server, and not other calls")
  func backPressure() async throws {
    let server = try await PythonServer()
    defer { server.stop() }
    try await calling(server.port) { client in
      var iterator = client.streamMetricSpec(object("any", ["count": "2000"])).makeAsyncIterator()
      #expect(try await iterator.next(isolation: nil)?.first?.target == 1)
      // Twenty megabytes are to come: far more than windows and socket buffers hold.
      #expect(try await client.isActive(object("any")))
      #expect(!server.output.contains("sent 2000"))
      var last = 0.0
      while let specs = try await iterator.next(isolation: nil) { last = specs.first?.target ?? 0 }
      #expect(last == 2000)
    }
  }

  @Test("mutual TLS with the official server; a wrong authority and a wrong name are refused with the reason")
  func tls() async throws {
    let certificates = try await TestCertificates()
    let server = try await PythonServer(certificates)
    defer { server.stop() }
    func files(_ authority: String) -> TLSContext.Files {
      TLSContext.Files(certificate: certificates.client, key: certificates.clientKey, authorities: authority)
    }
    for host in ["127.0.0.1", "localhost"] {
      let isActive = try await calling(server.port, tls: files(certificates.authority), host: host) {
        try await $0.isActive(object("any"))
      }
      #expect(isActive)
    }
    let stranger = try await failure {
      try await calling(server.port, tls: files(certificates.foreignAuthority)) { try await $0.isActive(object("any")) }
    }
    #expect(stranger.code == "UNAVAILABLE" && stranger.message.contains("certificate verify failed"))
    #expect(stranger.message.contains("issuer"))
    let elsewhere = try await failure {
      try await calling(server.port, tls: files(certificates.authority), serverName: "other.example") {
        try await $0.isActive(object("any"))
      }
    }
    #expect(elsewhere.message.localizedCaseInsensitiveContains("hostname mismatch"), "\(elsewhere)")
    let nobody = try await failure {
      try await calling(server.port, tls: TLSContext.Files(authorities: certificates.authority)) {
        try await $0.isActive(object("any"))
      }
    }
    #expect(nobody.code == "UNAVAILABLE", "\(nobody)")
    let plain = try await failure { try await calling(server.port) { try await $0.isActive(object("any")) } }
    #expect(plain.code == "UNAVAILABLE" && plain.message.contains("TLS"), "\(plain)")
  }

  @Test("a port without a listener is reported at once")
  func nobody() async throws {
    let port = freePort()
    let refused = try await failure { try await calling(port) { try await $0.isActive(object("any")) } }
    #expect("\(refused)" == "127.0.0.1:\(port): IsActive: UNAVAILABLE: cannot connect: Connection refused")
  }

  @Test(
    "a server of something else is named as such",
    arguments: [
      ("HTTP/1.1 400 Bad Request\r\n\r\n", "it responded with HTTP/1: 'HTTP/1.1 400 Bad Request'"),
      ("-ERR unknown command\r\n", "it responded with '-ERR unknown command'"),
      ("\u{15}\u{03}\u{01}\u{00}\u{02}\u{02}\u{46}", "it requires TLS"),
      ("", "without a response"),
    ])
  func other(answer: String, expected: String) async throws {
    let error = try await failure {
      try await ByteServer.answering(Array(answer.utf8)) { port in
        try await calling(port) { try await $0.isActive(object("any")) }
      }
    }
    #expect(error.code == "UNAVAILABLE" && error.message.contains(expected), "\(error)")
  }

  @Test("a server that accepts and is silent costs the deadline, no more")
  func silent() async throws {
    let error = try await failure {
      try await ByteServer.answering(nil) { port in
        try await calling(port, deadline: .milliseconds(200)) { try await $0.isActive(object("any")) }
      }
    }
    #expect(error.code == "DEADLINE_EXCEEDED" && error.message.contains("200ms"))
  }

  @Test("an open stream whose server has died without a goodbye ends with UNAVAILABLE")
  func keepAlive() async throws {
    // Settings, and then silence: pings are not answered.
    let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
    let error = try await failure {
      try await ByteServer.answering(settings, thenCloses: false) { port in
        try await calling(
          port,
          configure: {
            $0.keepAliveInterval = .milliseconds(50)
            $0.keepAliveTimeout = .milliseconds(50)
          }
        ) { client in for try await _ in client.streamIsActive(object("any")) {} }
      }
    }
    #expect(error.code == "UNAVAILABLE" && error.message.contains("did not answer a ping"))
  }

  @Test("garbage behind a right greeting ends the call with an error, whatever it is", arguments: 0..<50)
  func garbage(seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
    let noise = (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let error = try await failure {
      try await ByteServer.answering(settings + noise) { port in
        try await calling(port, deadline: .seconds(2)) { try await $0.isActive(object("any")) }
      }
    }
    #expect(!error.message.isEmpty)
  }
}
