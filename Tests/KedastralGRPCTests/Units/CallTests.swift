import KedastralCore
import Testing

@testable import KedastralGRPC

@Suite("Calls: pure parts")
struct CallTests {
  @Test("grpc-message keeps printable ASCII and encodes every other byte")
  func percentEncoding() {
    #expect(GRPCStatus(.notFound, "no 'api' here").percentEncodedMessage == "no 'api' here")
    #expect(GRPCStatus(.notFound, "100% ü\n\u{7F}").percentEncodedMessage == "100%25 %C3%BC%0A%7F")
  }

  @Test(
    "grpc-timeout is read in every unit",
    arguments: [
      ("1H", .seconds(3600)), ("2M", .seconds(120)), ("99999999S", .seconds(99_999_999)), ("250m", .milliseconds(250)),
      ("7u", .microseconds(7)), ("0n", .zero),
    ] as [(String, Duration)])
  func timeout(text: String, duration: Duration) {
    #expect(GRPCTimeout.parse(Array(text.utf8).span.bytes) == duration)
  }

  @Test(
    "an invalid grpc-timeout is refused", arguments: ["", "S", "5", "5s", "-1S", "123456789S", "1.5S", "١S", " 1S"])
  func noTimeout(text: String) {
    #expect(GRPCTimeout.parse(Array(text.utf8).span.bytes) == nil)
  }

  @Test(
    "content types of gRPC with protobuf are distinguished from others",
    arguments: [
      ("application/grpc", true), ("application/grpc+proto", true), ("application/grpc;charset=utf-8", true),
      ("application/grpc+proto;a=b", true), ("application/grpc+json", false), ("application/grpc-web", false),
      ("application/grpcx", false), ("application/json", false), ("", false),
    ])
  func contentType(text: String, isGRPC: Bool) {
    #expect(RequestHead.isGRPC(contentType: Array(text.utf8).span.bytes) == isGRPC)
  }

  @Test("the client's preface is recognised from its first bytes on")
  func preface() {
    let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    for count in 0..<preface.count {
      #expect(ClientPreface.check(Array(preface.prefix(count)).span.bytes) == .incomplete)
    }
    #expect(ClientPreface.check(preface.span.bytes) == .right)
    #expect(ClientPreface.check((preface + [1, 2]).span.bytes) == .right)
    #expect(ClientPreface.check([22, 3, 1].span.bytes) == .wrong(answer: ""))
    guard case .wrong(let answer) = ClientPreface.check(Array("GET / HTTP/1.1\r\n".utf8).span.bytes) else {
      Issue.record("HTTP/1 was taken for HTTP/2")
      return
    }
    #expect(answer.hasPrefix("HTTP/1.1 505 "))
  }

  @Test("a token bucket allows its burst, then its rate, and never more than its burst")
  func tokens() {
    let start = ContinuousClock.now
    var bucket = TokenBucket(burst: 3, perSecond: 2, at: start)
    #expect((0..<4).map { _ in bucket.take(at: start) } == [true, true, true, false])
    #expect((0..<3).map { _ in bucket.take(at: start + .seconds(1)) } == [true, true, false])
    #expect((0..<4).map { _ in bucket.take(at: start + .seconds(100)) } == [true, true, true, false])
    bucket.give(2)
    #expect((0..<3).map { _ in bucket.take(at: start + .seconds(100)) } == [true, true, false])
  }

  @Test("a throttled line comes once an interval, with the count of those held back")
  func throttle() {
    let start = ContinuousClock.now
    var throttle = LogThrottle(every: .seconds(10))
    #expect(throttle.admit("a", at: start) == 0)
    #expect(throttle.admit("b", at: start) == 0)
    #expect(throttle.admit("a", at: start + .seconds(9)) == nil)
    #expect(throttle.admit("a", at: start + .seconds(10)) == 1)
  }
}

@Suite("Message framing")
struct MessageDeframerTests {
  private static func framed(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    [flag, 0, 0, UInt8(message.count >> 8), UInt8(message.count & 255)] + message
  }

  @Test("messages come out whole, however the bytes are cut", arguments: [1, 2, 3, 5, 7, 100])
  func anyCut(size: Int) throws {
    let messages: [[UInt8]] = [[1, 2, 3], [], Array(repeating: 9, count: 300), [4]]
    let bytes = messages.flatMap { Self.framed($0) }
    var deframer = MessageDeframer(maximumLength: 1000)
    var found: [[UInt8]] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      try deframer.append(Array(bytes[start..<min(bytes.count, start + size)]).span.bytes)
      while let message = try deframer.next() { found.append(Array(deframer.bytes[message.range])) }
    }
    #expect(found == messages)
    #expect(deframer.pendingCount == 0)
  }

  @Test("a message announced as too long is refused before its bytes arrive")
  func tooLong() {
    var deframer = MessageDeframer(maximumLength: 10)
    let prefix: [UInt8] = [0, 0, 0, 0, 11]
    let error = #expect(throws: GRPCStatus.self) { try deframer.append(prefix.span.bytes) }
    #expect(error == GRPCStatus(.resourceExhausted, "a message of 11 bytes is over the limit of 10"))
  }

  @Test("an unknown flag is refused")
  func unknownFlag() {
    var deframer = MessageDeframer(maximumLength: 10)
    let prefix: [UInt8] = [2, 0, 0, 0, 1]
    let error = #expect(throws: GRPCStatus.self) { try deframer.append(prefix.span.bytes) }
    #expect(error?.code == .internal)
  }

  @Test("gzip that is cut short, followed by more, or no gzip at all is refused")
  func gzip() throws {
    // `hello`, packed by gzip -n.
    let packed: [UInt8] = [
      0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 7, 0, 0x86, 0xA6, 0x10, 0x36, 5, 0, 0, 0,
    ]
    #expect(try Gzip.decompress(packed.span.bytes, maximumLength: 100) == Array("hello".utf8))
    #expect(throws: GRPCStatus.self) { try Gzip.decompress(packed.span.bytes, maximumLength: 4) }
    for bad in [Array(packed.dropLast()), packed + [0], [], [1, 2, 3]] {
      let error = #expect(throws: GRPCStatus.self) { try Gzip.decompress(bad.span.bytes, maximumLength: 100) }
      #expect(error?.code == .invalidArgument)
    }
  }
}

@Suite("Trigger metadata and descriptors")
struct TriggerTests {
  @Test("of a key given twice the last value counts, as protobuf's maps have it")
  func repeatedKey() {
    let metadata: ScaledObjectReference.Metadata = ["mode": "load", "mode": "replicas"]
    #expect(metadata["mode"] == "replicas")
    #expect(metadata["Mode"] == nil)
  }

  @Test("integers for clients that read the old field are rounded up and kept in range")
  func roundedUp() {
    #expect(Protobuf.roundedUp(2.01) == 3)
    #expect(Protobuf.roundedUp(3) == 3)
    #expect(Protobuf.roundedUp(0) == 0)
    #expect(Protobuf.roundedUp(1e300) == .max)
  }

  @Test("the project's .proto files name their services, messages and enumerations")
  func protoFiles() {
    let symbols = Dictionary(uniqueKeysWithValues: ReflectionCodec.files.map { ($0.name, $0.symbols) })
    #expect(symbols["health.proto"]?.contains("grpc.health.v1.HealthCheckResponse.ServingStatus") == true)
    #expect(symbols["externalscaler.proto"]?.contains("externalscaler.ScaledObjectRef.ScalerMetadataEntry") == true)
    #expect(symbols["reflection_v1alpha.proto"]?.contains("grpc.reflection.v1alpha.ServerReflection") == true)
    #expect(ProtoFile(descriptor: [0xFF, 0xFF, 3]).symbols.isEmpty)
  }

  @Test("messages larger than the arena are read, again and again")
  func largeMessages() throws {
    // More than the arena holds spills over, and both parts come back.
    let codec = ExternalScalerCodec()
    let long = String(repeating: "n", count: 20_000)
    let bytes: [UInt8] = [0x0A, 0xA0, 0x9C, 1] + Array(long.utf8) + [0x12, 2] + Array("ns".utf8)
    for _ in 0..<3 {
      let reference = try codec.reference(bytes.span.bytes)
      #expect(reference.name == long)
      #expect(reference.namespace == "ns")
    }
  }
}
