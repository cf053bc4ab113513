import KedastralNet
import Testing

@testable import KedastralRedisStore

@Suite("Cluster topology")
struct TopologyTests {
  private let source = RemoteAddress.network(host: "10.0.0.9", port: 7000)

  private func text(_ text: String) -> RESPValue { .bytes(Array(text.utf8)) }

  private func range(_ first: Int, _ last: Int, _ host: RESPValue, _ port: Int) -> RESPValue {
    .array([.integer(first), .integer(last), .array([host, .integer(port), text("id")])])
  }

  // The first is the check value of the Redis Cluster Specification's appendix A: CRC-16 0x31C3 of "123456789".
  @Test(
    "keys hash to the slots of the specification",
    arguments: [("123456789", 0x31C3), ("", 0), ("foo", 12_182), ("{foo}bar", 12_182), ("a{foo}{x}", 12_182)])
  func slots(key: String, slot: Int) { #expect(HashSlot(key: key).number == slot % HashSlot.count) }

  @Test("an empty hash tag is ignored", arguments: ["{}foo", "foo{", "foo}{"])
  func emptyTag(key: String) { #expect(HashSlot(key: key) != HashSlot(key: "foo")) }

  @Test("parses the slot map, with the queried node in place of an unknown host")
  func map() throws {
    let map = try #require(
      SlotMap(.array([range(0, 99, text("a"), 1), range(100, 16_383, .null, 7001)]), from: source))
    #expect(map.isComplete)
    #expect(map.masters == [.network(host: "a", port: 1), .network(host: "10.0.0.9", port: 7001)])
    #expect(map[try #require(HashSlot(number: 99))] == .network(host: "a", port: 1))
    #expect(SlotMap(.array([range(0, 99, text("a"), 1)]), from: source)?.isComplete == false)
  }

  @Test("rejects an invalid slot map")
  func badMap() {
    for reply: RESPValue in [
      .error("ERR This instance has cluster support disabled"), .array([range(5, 4, text("a"), 1)]),
      .array([range(0, 16_384, text("a"), 1)]), .array([range(0, 1, text("a"), 70_000)]), .array([.array([])]),
    ] {
      #expect(SlotMap(reply, from: source) == nil)
    }
  }

  @Test("classifies replies by their kind")
  func verdicts() throws {
    let slot = try #require(HashSlot(number: 3999))
    func verdict(_ text: String) -> ReplyVerdict { ReplyVerdict(.error(text), from: source) }
    #expect(verdict("MOVED 3999 127.0.0.1:6381") == .moved(slot, .network(host: "127.0.0.1", port: 6381)))
    #expect(verdict("MOVED 3999 ::1:6381") == .moved(slot, .network(host: "::1", port: 6381)))
    #expect(verdict("MOVED 3999 :6381") == .moved(slot, .network(host: "10.0.0.9", port: 6381)))
    #expect(verdict("ASK 3999 b:1") == .ask(.network(host: "b", port: 1)))
    #expect(verdict("MOVED nonsense") == .answer)
    #expect(verdict("LOADING Redis is loading") == .later("LOADING Redis is loading"))
    #expect(verdict("READONLY You can't write") == .reconnect("READONLY You can't write"))
    #expect(verdict("OOM command not allowed") == .answer)
    #expect(
      verdict("ERR Error running script (call to f_x): @user_script:3: @user_script: 3: -READONLY You can't")
        == .reconnect("READONLY You can't"))
    #expect(ReplyVerdict(.status("READONLY"), from: source) == .answer)
    #expect(ReplyVerdict.plainText("OOM no memory. script: abc, on @user_script:1.") == "OOM no memory.")
  }

  @Test("parses sentinels' replies")
  func sentinels() {
    #expect(
      SentinelAnswer(.array([text("10.0.0.1"), text("6379")]), master: "m")
        == .master(.network(host: "10.0.0.1", port: 6379)))
    #expect(SentinelAnswer(.null, master: "m") == .unknown("it knows no master 'm'"))
    #expect(
      SentinelAnswer(.error("NOAUTH"), master: "m")
        == .unknown("it was asked for the master 'm' and answered NOAUTH"))
  }

  @Test("a prefix is escaped for MATCH")
  func prefix() { #expect(KeyScan.escaped("a*[b]?\\:") == "a\\*\\[b\\]\\?\\\\:") }
}
