import Foundation
import KedastralCore
import KedastralSources
import KedastralTesting
import TestSupport
import Testing

@Suite("Trace files")
struct TraceFileTests {
  @Test("Unix seconds and RFC 3339, a header, comments, empty values and absent lines are read")
  func reads() throws {
    let text =
      "# a comment\ntimestamp,value\r\n1785542400,1.5\n\n2026-08-01T00:01:00Z, 2\n1785542520,\n1785542640,NaN\n1785542700,6\n"
    let series = try TraceFile(text: text, name: "t").series
    #expect(series.start == Date(timeIntervalSince1970: 1_785_542_400))
    #expect(series.step == .seconds(60))
    #expect(series.values.map { $0.isNaN ? -1 : $0 } == [1.5, 2, -1, -1, -1, 6])
  }

  @Test("a header, a missing value and a gap are read")
  func gap() throws {
    let series = try TraceFile(text: "timestamp,value\n600,1.5\n660,\n780,4\n", name: "t").series
    #expect(series.step == .seconds(60))
    #expect(series.start == Date(timeIntervalSince1970: 600))
    #expect(series.values.map { $0.isNaN ? -1 : $0 } == [1.5, -1, -1, 4])
  }

  @Test(
    "reports an invalid file with file and line",
    arguments: [
      ("timestamp,value\n600,1\n660;2\n", "t.csv:3: '660;2' is not timestamp,value"),
      ("600,1\n", "t.csv: expected at least two samples, found 1"),
      ("timestamp,value\n1,2\n2;3\n", "t.csv:3: '2;3' is not timestamp,value"),
      (
        "1,2\nyesterday,3\n",
        "t.csv:2: 'yesterday' is not a timestamp; write Unix seconds, or a date and time such as 2026-08-01T00:00:00Z"
      ),
      (
        "1,2\n1e300,3\n",
        "t.csv:2: '1e300' is not a timestamp; write Unix seconds, or a date and time such as 2026-08-01T00:00:00Z"
      ),
      ("1e-20,2\n2e-20,3\n", "t.csv: a step of 1e-20 s between two lines is too short for its length"),
      (
        "1,2\n2,many\n",
        "t.csv:2: 'many' is not a number; write one such as 1234.5, without a unit and without thousands separators"
      ),
      ("0,1\n1,2\n1785542400,3\n", "t.csv: a step of 1.0 s between two lines is too short for its length"),
      ("timestamp,value\n1,2\n", "t.csv: expected at least two samples, found 1"),
      ("", "t.csv: expected at least two samples, found 0"),
      ("0,1\n0.001,2\n1785542400,3\n", "t.csv: a step of 0.001 s between two lines is too short for its length"),
    ])
  func refuses(text: String, problem: String) {
    let error = #expect(throws: TraceFile.ReadError.self) { try TraceFile(text: text, name: "t.csv") }
    #expect(error?.description == problem)
  }

  @Test("reports a missing file by name")
  func absent() {
    let error = #expect(throws: TraceFile.ReadError.self) { try TraceFile(path: "/no/such.csv") }
    #expect(error?.description == "/no/such.csv: no such file")
  }

  @Test("reads a file from disk")
  func file() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("0,1\n300,2\n", to: "a.csv")
    #expect(try TraceFile(path: path).series.step == .seconds(300))
  }
}

@Suite("CSV source")
struct CSVSourceTests {
  private let recorded = Date(timeIntervalSince1970: 1_785_542_400)
  private let now = Date(timeIntervalSince1970: 1_900_000_020)
  private let minute = Duration.seconds(60)

  private func trace(_ values: [Double]) -> TimeSeries { TimeSeries(start: recorded, step: minute, values: values) }

  @Test("an unshifted trace returns its samples and gaps as recorded, and none ahead of the clock")
  func asRecorded() async throws {
    let clock = ManualClock(at: recorded + .seconds(150))
    let source = CSVSource(trace([1, .nan, 3, 4, 5]), clock: clock)
    let range = recorded - minute..<recorded + .seconds(600)
    var series = try await source.samples(in: range, step: minute)
    #expect(series.values.map { $0.isNaN ? -1 : $0 } == [-1, 1, -1, 3, -1, -1, -1, -1, -1, -1, -1])
    clock.advance(by: .seconds(90))
    series = try await source.samples(in: range, step: minute)
    #expect(series.values.map { $0.isNaN ? -1 : $0 } == [-1, 1, -1, 3, 4, 5, -1, -1, -1, -1, -1])
  }

  @Test("a shifted trace has its position now, and repeats before and after")
  func shifted() async throws {
    let clock = ManualClock(at: now)
    let trace = trace([0, 1, 2, 3])
    let source = CSVSource(trace, clock: clock, playback: .shifted(position: trace.instant(at: 2), to: now))
    let past = try await source.samples(in: now - .seconds(360)..<now + .seconds(240), step: minute)
    #expect(past.values.map { $0.isNaN ? -1 : $0 } == [0, 1, 2, 3, 0, 1, 2, -1, -1, -1])
    clock.advance(by: .seconds(180))
    let later = try await source.samples(in: now..<now + .seconds(240), step: minute)
    #expect(later.values == [2, 3, 0, 1])
  }

  @Test("a shifted trace that does not loop ends")
  func once() async throws {
    let trace = trace([0, 1, 2])
    let source = CSVSource(
      trace, clock: ManualClock(at: now + .seconds(600)),
      playback: .shifted(position: recorded, to: now, loops: false))
    let series = try await source.samples(in: now - minute..<now + .seconds(300), step: minute)
    #expect(series.values.map { $0.isNaN ? -1 : $0 } == [-1, 0, 1, 2, -1, -1])
  }

  @Test("a longer step is the mean of the samples that end in it, without missing ones")
  func longerStep() async throws {
    let source = CSVSource(
      trace([0, 1, 2, 3, 4, 5, .nan, 7, 8, 9, 10]), clock: ManualClock(at: recorded + .seconds(3600)))
    let series = try await source.samples(in: recorded + minute..<recorded + .seconds(900), step: .seconds(300))
    #expect(series.start == recorded + .seconds(300))
    #expect(series.values == [3, 8.5])
  }

  @Test("a shorter step is interpolated linearly, and missing where either sample is")
  func shorterStep() async throws {
    let source = CSVSource(trace([0, 4, .nan]), clock: ManualClock(at: recorded + .seconds(3600)))
    let series = try await source.samples(in: recorded..<recorded + .seconds(90), step: .seconds(15))
    #expect(series.values.map { $0.isNaN ? -1 : $0 } == [0, 1, 2, 3, 4, -1])
  }

  @Test("a bundled trace repeats with its length over years")
  func longRun() async throws {
    let values = (0..<1440).map { Double($0) }
    let source = CSVSource(
      trace(values), clock: ManualClock(at: now), playback: .shifted(position: recorded, to: now))
    for days in [1, 100, 1000] {
      let from = now - .seconds(days * 86_400)
      #expect(try await source.samples(in: from..<from + .seconds(180), step: minute).values == [0, 1, 2])
    }
  }
}
