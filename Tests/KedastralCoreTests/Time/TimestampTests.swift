import Foundation
import KedastralCore
import Testing

@Suite("Timestamps by RFC 3339")
struct TimestampTests {
  @Test(
    "known instants are read",
    arguments: [
      ("1970-01-01T00:00:00Z", 0.0), ("2000-02-29T12:00:00Z", 951_825_600),
      ("2026-01-31T06:00:00.250Z", 1_769_839_200.25),
      ("2026-01-31T08:00:00+02:00", 1_769_839_200), ("2026-01-31t00:30:00-05:30", 1_769_839_200),
      ("2025-06-01T00:00:00.123456789Z", 1_748_736_000.123456789), ("1969-12-31T23:59:59Z", -1),
    ])
  func reads(text: String, seconds: Double) throws {
    let date = try #require(Timestamp.parse(text))
    #expect(abs(date.timeIntervalSince1970 - seconds) < 1e-6)
  }

  @Test(
    "an invalid timestamp is refused",
    arguments: [
      "", "2026-01-31", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T06:00:00", "2026-01-31T06:00:00.Z",
      "2026-01-31T06:00:00Zx", "2026-01-31T06:00:00+0200",
    ])
  func refuses(text: String) { #expect(Timestamp.parse(text) == nil) }

  @Test("writing and reading are inverse, to the millisecond, over eight centuries")
  func roundTrip() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let milliseconds = Int.random(in: -12_000_000_000_000...12_000_000_000_000, using: &generator)
      let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
      let back = try #require(Timestamp.parse(Timestamp.format(date)))
      #expect(abs(back.timeIntervalSince(date)) < 1e-5, "\(Timestamp.format(date))")
    }
  }
}
