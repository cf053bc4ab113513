import KedastralNet
import Testing

@testable import KedastralRedisStore

@Suite("Redis protocol")
struct ProtocolTests {
  private func read(_ text: String, pieces: Int = 1) throws -> [RESPValue] {
    let reader = try #require(RESPReader(maximumBytes: 100))
    var values: [RESPValue] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      try bytes[start..<min(start + pieces, bytes.count)].withUnsafeBytes { try reader.feed($0) }
      while let value = try reader.next() { values.append(value) }
    }
    return values
  }

  @Test("parses replies the same way whatever pieces they arrive in", arguments: [1, 2, 3, 7, 100])
  func pieces(size: Int) throws {
    let text = "+OK\r\n$3\r\na\r\n\r\n:-5\r\n*2\r\n$-1\r\n*1\r\n-ERR no\r\n$0\r\n\r\n"
    // The three bytes of the string are a letter and a line break.
    #expect(
      try read(text, pieces: size) == [
        .status("OK"), .bytes(Array("a\r\n".utf8)), .integer(-5), .array([.null, .array([.error("ERR no")])]),
        .bytes([]),
      ])
  }

  @Test("stops parsing at invalid bytes", arguments: ["HTTP/1.1 400 Bad Request\r\n", "\0\0\0\0", "*x\r\n"])
  func garbage(text: String) { #expect(throws: RESPReader.ProtocolError.self) { try read(text) } }

  @Test("stops at a reply beyond the size limit before it is complete")
  func limit() {
    let error = #expect(throws: RESPReader.ProtocolError.self) {
      try read("$1000000\r\n" + String(repeating: "x", count: 200), pieces: 50)
    }
    #expect(error?.description.contains("more than 100 bytes") == true)
  }

  @Test(
    "stops at a reply that announces more elements than its bytes could contain",
    arguments: ["*370000003\r\n:1\r\n", "*5\r\n*10\r\n:1\r\n:1\r\n*12\r\n"])
  func announcedElements(text: String) {
    let error = #expect(throws: RESPReader.ProtocolError.self) { try read(text) }
    #expect(error?.description.contains("elements, more than 25") == true)
  }

  @Test("counts the elements of each reply by itself")
  func repliesInARow() throws {
    let reply = "*20\r\n" + String(repeating: ":1\r\n", count: 20)
    #expect(try read(reply + reply + reply, pieces: 7).count == 3)
  }

  @Test("commands can carry arbitrary bytes")
  func commands() {
    let command = RedisCommand([Array("SET".utf8), [], [0, 13, 10, 255]])
    #expect(command.encoded == Array("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n".utf8) + [0, 13, 10, 255, 13, 10])
  }
}

@Suite("Handshake")
struct HandshakeTests {
  @Test("sends only the necessary commands, and the last reply opens the connection")
  func order() {
    var plain = Handshake(user: nil, password: nil, database: 0, requiresMaster: false)
    #expect(plain.commands == [RedisCommand("PING")])
    #expect(plain.receive(.status("PONG")) == .ready)
    var full = Handshake(user: "u", password: "p", database: 2, requiresMaster: true)
    #expect(
      full.commands == [
        RedisCommand("AUTH", "u", "p"), RedisCommand("SELECT", "2"), RedisCommand("ROLE"), RedisCommand("PING"),
      ])
    #expect(full.receive(.status("OK")) == .waiting)
    #expect(full.receive(.status("OK")) == .waiting)
    #expect(full.receive(.array([.bytes(Array("master".utf8)), .integer(0), .array([])])) == .waiting)
    #expect(full.receive(.status("PONG")) == .ready)
  }

  @Test("rejects a replica where a master is required")
  func replica() {
    var handshake = Handshake(user: nil, password: nil, database: 0, requiresMaster: true)
    #expect(
      handshake.receive(.array([.bytes(Array("slave".utf8))])) == .refused("it is not a master (its role is slave)"))
  }

  @Test("accepts a user that may not run ROLE")
  func restrictedUser() {
    var handshake = Handshake(user: nil, password: nil, database: 0, requiresMaster: true)
    #expect(handshake.receive(.error("NOPERM no 'role'")) == .waiting)
    #expect(handshake.receive(.error("NOPERM no 'ping'")) == .ready)
  }
}

@Suite("Link state")
struct LinkStateTests {
  @Test("waits longer after each consecutive failure, until a command is answered")
  func backoff() {
    var state = LinkState(backoff: .init(initial: .seconds(1), maximum: .seconds(8)))
    var delays: [Duration] = []
    for _ in 0..<5 {
      #expect(state.begin() == true)
      #expect(state.begin() == false)
      state.welcomed()
      if let delay = state.failed("gone", random: 0.5) { delays.append(delay) }
    }
    #expect(delays == [1, 2, 4, 8, 8].map { .seconds($0) })
    #expect(state.begin() == true)
    state.welcomed()
    #expect(state.problem == nil)
    state.answered()
    #expect(state.failed("gone", random: 0.5) == .seconds(1))
    #expect(state.problem == "gone")
  }

  @Test("a closed link does nothing")
  func closed() {
    var state = LinkState(backoff: .init(initial: .seconds(1), maximum: .seconds(8)))
    state.close()
    #expect(state.begin() == false)
    #expect(state.failed("late") == nil)
  }
}
