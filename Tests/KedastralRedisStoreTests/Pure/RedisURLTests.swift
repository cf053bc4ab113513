import KedastralNet
import Testing

@testable import KedastralRedisStore

@Suite("Redis URLs")
struct RedisURLTests {
  @Test(
    "parses servers in all their forms",
    arguments: [
      ("redis://redis", "redis:6379"), ("redis://redis:7000/", "redis:7000"), ("redis://", "localhost:6379"),
      ("redis://:7000", "localhost:7000"), ("REDIS://[::1]:7000/3", "[::1]:7000"), ("redis://[::1]", "[::1]:6379"),
      ("unix:///run/redis.sock", "/run/redis.sock"), ("unix://u:p@/run/a%20b", "/run/a b"),
    ])
  func servers(url: String, server: String) throws {
    #expect(try RedisURL(url).server.description == server)
  }

  @Test("a given user and password override the URL's; a single word in the URL is then the user")
  func overridden() throws {
    let given = RedisConfiguration.Password.text("new")
    #expect(
      try RedisURL("redis://alice@h").credentials(user: nil, password: given) == .init(user: "alice", password: given))
    #expect(
      try RedisURL("redis://alice:old@h").credentials(user: nil, password: given)
        == .init(user: "alice", password: given))
    #expect(
      try RedisURL("redis://:old@h").credentials(user: "bob", password: nil)
        == .init(user: "bob", password: .text("old")))
    #expect(try RedisConfiguration(RedisURL("redis://h/3"), database: 5).database == 5)
  }

  @Test("finds user, password, database and TLS in the URL")
  func parts() throws {
    let url = try RedisURL("rediss://us%3Aer:p%40ss:w@host:1/5")
    #expect(url.credentials == .init(user: "us:er", password: .text("p@ss:w")))
    #expect(url.database == 5)
    #expect(url.usesTLS)
    #expect(try RedisURL("redis://:secret@host").credentials == .init(password: .text("secret")))
    #expect(try RedisURL("redis://secret@host").credentials == .init(password: .text("secret")))
    #expect(try RedisURL("unix:///s?db=2").database == 2)
    #expect(try RedisURL("redis://u:p?w/@host").credentials == .init(user: "u", password: .text("p?w/")))
    #expect(try RedisURL("redis://host/2?db=2").database == 2)
    #expect(try RedisURL("redis://host").credentials == nil)
  }

  @Test(
    "rejects an invalid URL with the reason and without the password",
    arguments: [
      ("host:6379", "no scheme"), ("http://host", "unknown scheme 'http'"), ("redis://:pw@host:0", "'0' is not a port"),
      ("redis://:pw@::1:6379", "an IPv6 address stands in brackets"),
      ("redis://:pw@h/x", "'x' is not a database number"),
      ("redis://:p%4w@h", "a % without two hexadecimal digits behind it"),
      ("unix://:pw@s", "a socket's path begins with /"),
      ("redis://:pw@h?ssl=1", "unknown parameter 'ssl'"), ("redis://h/-1", "'-1' is not a database number"),
      ("redis://h/1?db=2", "it has two database numbers, 1 and 2"), ("redis://h#1", "'h#1' is not a host"),
      ("redis://:pw@a,b", "'a,b' is not a host"),
    ])
  func refuses(url: String, problem: String) {
    let error = #expect(throws: RedisURL.ParseError.self) { try RedisURL(url) }
    #expect(error?.problem == problem)
    #expect(error?.description.contains("pw") == false)
  }

  @Test("descriptions do not contain the password")
  func hidden() throws {
    let configuration = try RedisConfiguration(url: "redis://user:secret@host")
    #expect(!"\(configuration)".contains("secret"))
    #expect(!String(reflecting: configuration).contains("secret"))
  }
}
