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

  @Test("replies are the same whatever pieces they come in", arguments: [1, 2, 3, 7, 100])
  func pieces(size: Int) throws {
    let text = "+OK\r\n$3\r\na\r\n\r\n:-5\r\n*2\r\n$-1\r\n*1\r\n-ERR no\r\n$0\r\n\r\n"
    // The three bytes of the string are a letter and a line break.
    #expect(
      try read(text, pieces: size) == [
        .status("OK"), .bytes(Array("a\r\n".utf8)), .integer(-5), .array([.null, .array([.error("ERR no")])]),
        .bytes([]),
      ])
  }

  @Test("what is no reply ends the reading", arguments: ["HTTP/1.1 400 Bad Request\r\n", "\0\0\0\0", "*x\r\n"])
  func garbage(text: String) { #expect(throws: RESPReader.ProtocolError.self) { try read(text) } }

  @Test("a reply beyond the limit ends the reading before it is whole")
  func limit() {
    let error = #expect(throws: RESPReader.ProtocolError.self) {
      try read("$1000000\r\n" + String(repeating: "x", count: 200), pieces: 50)
    }
    #expect(error?.description.contains("more than 100 bytes") == true)
  }

  @Test("commands carry any bytes")
  func commands() {
    let command = RedisCommand([Array("SET".utf8), [], [0, 13, 10, 255]])
    #expect(command.encoded == Array("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n".utf8) + [0, 13, 10, 255, 13, 10])
  }
}

@Suite("Handshake")
struct HandshakeTests {
  @Test("only what is needed is asked, and the last answer opens the connection")
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

  @Test("a replica is refused where a master is needed")
  func replica() {
    var handshake = Handshake(user: nil, password: nil, database: 0, requiresMaster: true)
    #expect(
      handshake.receive(.array([.bytes(Array("slave".utf8))])) == .refused("it is not a master (its role is slave)"))
  }

  @Test("a user who may not ask is let in all the same")
  func restrictedUser() {
    var handshake = Handshake(user: nil, password: nil, database: 0, requiresMaster: true)
    #expect(handshake.receive(.error("NOPERM no 'role'")) == .waiting)
    #expect(handshake.receive(.error("NOPERM no 'ping'")) == .ready)
  }
}

@Suite("Link state")
struct LinkStateTests {
  @Test("failures in a row wait longer and longer, and only an answered command ends the row")
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

  @Test("a closed link does nothing any more")
  func closed() {
    var state = LinkState(backoff: .init(initial: .seconds(1), maximum: .seconds(8)))
    state.close()
    #expect(state.begin() == false)
    #expect(state.failed("late") == nil)
  }
}
