import Testing

@testable import KedastralGRPC

@Suite("What an answer means to a client")
struct ResponseTests {
  /// An answer of these fields, with `data` between the first and the last of them.
  private func answer(
    _ headers: [(String, String)], data: [UInt8] = [], trailers: [(String, String)] = []
  ) throws -> (messages: [[UInt8]], status: GRPCStatus) {
    var response = GRPCResponse(maximumLength: 100)
    var messages: [[UInt8]] = []
    func feed(_ fields: [(String, String)]) throws {
      for (name, value) in fields {
        try response.receive(header: Array(name.utf8).span.bytes, Array(value.utf8).span.bytes)
      }
    }
    try feed(headers)
    // In pieces of every size that a network may make.
    for byte in data { try response.receive(data: [byte].span.bytes) { messages.append($0) } }
    try feed(trailers)
    return (messages, response.end())
  }

  private let good = [(":status", "200"), ("content-type", "application/grpc+proto")]

  @Test("messages come out however they are cut, and the status is the trailers'")
  func messages() throws {
    let data: [UInt8] = [0, 0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9]
    let (messages, status) = try answer(good, data: data, trailers: [("grpc-status", "0")])
    #expect(messages == [[7, 8], [], [9]] && status == .ok)
  }

  @Test("an answer that is not gRPC's gets the status that the specification has for it")
  func foreign() throws {
    #expect(try answer([(":status", "404")]).status.code == .unimplemented)
    #expect(try answer([(":status", "503")]).status.code == .unavailable)
    #expect(try answer([(":status", "200"), ("content-type", "text/html")]).status.message.contains("text/html"))
    #expect(try answer(good).status == GRPCStatus(.internal, "the response ended without a status"))
    let cut = try answer(good, data: [0, 0, 0, 0, 9, 1], trailers: [("grpc-status", "0")])
    #expect(cut.status == GRPCStatus(.internal, "the response ended inside a message"))
    #expect(try answer(good + [("grpc-status", "99"), ("grpc-message", "odd")]).status.code == .unknown)
  }

  @Test("what was not agreed on fails the call: long messages, unknown compression, endless headers")
  func refused() throws {
    #expect(throws: GRPCStatus.self) { try answer(good, data: [0, 0, 0, 1, 0]) }
    #expect(throws: GRPCStatus.self) { try answer(good + [("grpc-encoding", "zstd")], data: [1, 0, 0, 0, 1, 5]) }
    #expect(throws: GRPCStatus.self) { try answer(good + [("grpc-encoding", "gzip")], data: [1, 0, 0, 0, 1, 5]) }
    let many = [(String, String)](repeating: ("x", String(repeating: "y", count: 1000)), count: 70)
    #expect(throws: GRPCStatus.self) { try answer(good + many) }
  }

  @Test("any message can be sent in the header, and invalid escapes are kept")
  func percent() {
    for text in ["", "plain", "100 % – grüße\n日本", "%", "%4", "%zz"] {
      let encoded = GRPCStatus(.internal, text).percentEncodedMessage
      #expect(GRPCStatus(code: "13", percentEncodedMessage: encoded).message == text)
    }
    #expect(GRPCStatus(code: "13", percentEncodedMessage: "100% %4 %zz").message == "100% %4 %zz")
  }

  @Test("a timeout is never sent as less than it is, and at most 1 % longer")
  func timeouts() throws {
    for time in [.zero, .nanoseconds(1), .microseconds(1500), .milliseconds(99_999_999), .seconds(5), .seconds(2e9)]
      as [Duration]
    {
      let text = Array(GRPCTimeout.text(time).utf8)
      let parsed = GRPCTimeout.parse(text.span.bytes)
      let told = try #require(parsed)
      #expect(told >= time && told <= time * 1.01 + .microseconds(1))
    }
  }

  @Test("a server that ends a call at its deadline has not answered in time; earlier, its own words count")
  func endedByServer() {
    for code in [GRPCStatus.Code.deadlineExceeded, .cancelled] {
      let late = ClientCall(path: "/s/m", message: [], deadline: .zero, maximumLength: 100)
      late.finish(byServer: GRPCStatus(code, "Deadline Exceeded"))
      #expect(late.outcome == late.timedOut)
      let early = ClientCall(path: "/s/m", message: [], deadline: .seconds(3600), maximumLength: 100)
      early.finish(byServer: GRPCStatus(code, "the database is slow"))
      #expect(early.outcome == GRPCStatus(code, "the database is slow"))
    }
    let failed = ClientCall(path: "/s/m", message: [], deadline: .zero, maximumLength: 100)
    failed.finish(byServer: GRPCStatus(.notFound, "no such object"))
    #expect(failed.outcome == GRPCStatus(.notFound, "no such object"))
  }

  @Test(
    "replicas are value / target in thousandths, rounded up",
    arguments: [(9.0, 1.0, 9), (730.2, 50, 15), (0, 1, 0), (-3, 1, 0), (1.0001, 1, 1), (1.5, 1, 2)])
  func replicas(value: Double, target: Double, expected: Int) {
    let spec = MetricSpec(name: "m", target: target)
    #expect(spec.replicas(for: MetricValue(name: "m", value: value)) == expected)
  }

  @Test("no replicas come of a target that is not above 0, or of numbers that are none")
  func noReplicas() {
    #expect(MetricSpec(name: "m", target: 0).replicas(for: MetricValue(name: "m", value: 5)) == nil)
    #expect(MetricSpec(name: "m", target: 0.0001).replicas(for: MetricValue(name: "m", value: 5)) == nil)
    #expect(MetricSpec(name: "m", target: .nan).replicas(for: MetricValue(name: "m", value: 5)) == nil)
    #expect(MetricSpec(name: "m", target: 1).replicas(for: MetricValue(name: "m", value: .infinity)) == nil)
    #expect(MetricSpec(name: "m", target: 0.001).replicas(for: MetricValue(name: "m", value: 8e15)) != nil)
  }
}
