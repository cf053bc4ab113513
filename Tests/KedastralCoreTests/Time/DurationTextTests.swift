import KedastralCore
import Testing

@Suite("Durations as text")
struct DurationTextTests {
  @Test(
    "units and sums are understood",
    arguments: [
      ("0", Duration.zero), ("30s", .seconds(30)), ("5m", .seconds(300)), ("1d12h", .seconds(129_600)),
      ("1w", .seconds(604_800)), ("250ms", .milliseconds(250)), ("1.5h", .seconds(5400)), ("2us", .microseconds(2)),
      ("1h30m15s", .seconds(5415)), ("-5s", .seconds(-5)),
    ])
  func parses(text: String, duration: Duration) throws {
    let parsed = try DurationText.parse(text)
    #expect(abs((parsed - duration).inSeconds) < 1e-9)
  }

  @Test(
    "an invalid duration is refused with examples",
    arguments: ["", "5", "m", "5x", "1h-", "1..5s", "- 5s", "99999999999d"])
  func refuses(text: String) {
    let error = #expect(throws: DurationText.ParseError.self) { try DurationText.parse(text) }
    #expect(error?.description.hasPrefix("'\(text)' is not a duration") == true)
  }

  @Test("formatting and parsing are inverse", arguments: [0, 1, 59, 61, 3600, 90_061, 1_000_000])
  func roundTrip(seconds: Int) throws {
    let duration = Duration.seconds(seconds)
    #expect(try DurationText.parse(DurationText.format(duration)) == duration)
  }
}
