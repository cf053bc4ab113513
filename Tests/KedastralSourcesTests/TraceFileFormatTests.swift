import Foundation
import KedastralCore
import KedastralSources
import Testing

@Suite("Trace files written by programs and people")
struct TraceFileFormatTests {
  private static let start = 1_785_542_400

  /// Five samples at intervals of one minute, the fourth of them missing.
  private static let expected = TimeSeries(
    start: Date(timeIntervalSince1970: Double(start)), step: .seconds(60), values: [34.58, 34.89, 30.57, .nan, 71.94])

  private static func rows(
    _ header: String = "timestamp,value", separator: String = ",", lineEnd: String = "\n",
    time: (Int) -> String = { "\($0)" }, value: (String) -> String = { $0 }
  ) -> String {
    let samples = ["34.58", "34.89", "30.57", "", "71.94"]
    let lines = samples.enumerated().map { index, sample in
      time(start + 60 * index) + separator + (sample.isEmpty ? "" : value(sample))
    }
    return (([header] + lines).filter { !$0.isEmpty } + [""]).joined(separator: lineEnd)
  }

  private static func date(_ seconds: Int, _ form: String) -> String {
    let text = Timestamp.format(Date(timeIntervalSince1970: Double(seconds)))
    return form.replacing("D", with: text.prefix(10)).replacing("T", with: text.dropFirst(11).prefix(8))
      .replacing("t", with: text.dropFirst(11).prefix(5))
  }

  private static let formats: [(name: String, text: String)] = [
    ("a byte order mark", "\u{FEFF}" + rows()),
    ("a byte order mark before a first row without header", "\u{FEFF}" + rows("")),
    ("a header in quotes", rows("\"timestamp\",\"value\"")),
    ("everything in quotes", rows("\"Time\",\"Value\"", time: { "\"\($0)\"" }, value: { "\"\($0)\"" })),
    ("a header with a separator and a line end in quotes", rows("Time,\"load, in\nrequests\"")),
    ("a header that begins with a digit or a sign", rows("2xx time,5xx rate")),
    ("line ends of Windows", rows(lineEnd: "\r\n")),
    ("line ends of old spreadsheets", rows(lineEnd: "\r")),
    ("milliseconds", rows(time: { "\($0)000" })),
    ("microseconds", rows(time: { "\($0)000000" })),
    ("nanoseconds", rows(time: { "\($0)000000000" })),
    ("milliseconds with an exponent", rows(time: { "\(Double($0) / 1e9)E12" })),
    ("RFC 3339 with an offset", rows(time: { date($0 + 7200, "DTT+02:00".replacing("DTT", with: "D T")) })),
    ("an offset without a colon", rows(time: { date($0 + 7200, "D T +0200") })),
    ("semicolons", rows("Time;Value", separator: ";")),
    ("semicolons and decimal commas", rows("Time;Value", separator: ";", value: { $0.replacing(".", with: ",") })),
    ("tabs", rows("Time\tValue", separator: "\t")),
    ("tabs and decimal commas", rows("", separator: "\t", value: { $0.replacing(".", with: ",") })),
    ("a separator that the first line names", "sep=|\n" + rows("Time|Value", separator: "|")),
    ("semicolons at the end of each row", rows("Time;Value;;", separator: ";", value: { $0 + ";;" })),
    ("Grafana's long form of one series", rows("Series;Time;Value", separator: ";", time: { "total;\($0)" })),
    (
      "a constant label behind the value",
      rows("time,value,host", value: { $0 + ",web-1" }).replacing(",\n", with: ",,web-1\n")
    ),
    ("null for a missing sample", rows().replacing(",\n", with: ",null\n")),
    ("#N/A for a missing sample", rows().replacing(",\n", with: ",#N/A\n")),
    ("empty lines and comments", "# load\n\n" + rows() + "\n,\n# end\n"),
  ]

  @Test("reads unambiguous files without a remark", arguments: formats)
  func format(name: String, text: String) throws {
    let file = try TraceFile(text: text, name: "t.csv")
    expect(file.series, equals: Self.expected, name)
    #expect(file.remarks == [], "\(name)")
  }

  @Test(
    "reads times without a zone as UTC, and a remark says so",
    arguments: ["D T", "DT", "D t", "D T.000", "D T,000"].map { $0 == "DT" ? "D~T" : $0 })
  func withoutZone(form: String) throws {
    let text = Self.rows("Time;Value", separator: ";", time: { Self.date($0, form).replacing("~", with: "T") })
    let file = try TraceFile(text: text, name: "t.csv")
    expect(file.series, equals: Self.expected, form)
    #expect(file.remarks == ["times without a time zone are read as UTC"])
  }

  @Test("reads days as their midnights in UTC, with dashes or slashes", arguments: ["-", "/"])
  func days(separator: String) throws {
    let text = ["2026-02-27,1", "2026-02-28,2", "2026-03-01,3"].joined(separator: "\n").replacing("-", with: separator)
    let file = try TraceFile(text: text, name: "t.csv")
    #expect(file.series.step == .seconds(86_400) && file.series.values == [1, 2, 3])
  }

  @Test("reads UTF-16, which spreadsheets write as Unicode text", arguments: [false, true])
  func utf16(isBigEndian: Bool) throws {
    let text = "\u{FEFF}" + Self.rows("Time\tValue", separator: "\t", lineEnd: "\r\n")
    let bytes = text.utf16.flatMap { unit in
      isBigEndian ? [UInt8(unit >> 8), UInt8(unit & 255)] : [UInt8(unit & 255), UInt8(unit >> 8)]
    }
    expect(try TraceFile(bytes: bytes, name: "t.csv").series, equals: Self.expected, "UTF-16")
  }

  private static let ambiguous: [(text: String, problem: String)] = [
    (
      "Series;Time;Value\na;600;1\nb;600;2\na;660;1\n",
      "t.csv:3: the column 'Series' has 'b' here and 'a' in line 2; a file has one series, so export a single series"
    ),
    (
      "\"Time\",\"api\",\"web\"\n600,1,2\n660,3,4\n",
      "t.csv:1: 3 columns, of which 'api' and 'web' have numbers; a file has one series: write timestamp,value"
    ),
    (
      "600,1,2\n660,3,4\n",
      "t.csv:1: 3 columns, of which column 2 and column 3 have numbers; a file has one series: write timestamp,value"
    ),
    (
      "time,host,zone\n600,a,b\n660,a,b\n",
      "t.csv:1: 3 columns, none of which has numbers except the timestamps; a file has one series: write timestamp,value"
    ),
    ("600 1\n660 2\n", "t.csv:1: '600 1' is one column; write timestamp,value"),
    ("timestamp,value\n600,1\n660,2,3\n", "t.csv:3: '660,2,3' is not timestamp,value"),
    ("time,host,value\n600,a,1\n660,2\n", "t.csv:3: '660,2' has 2 columns; expected 3"),
    (
      "timestamp,value\n600,1\ntotal,2\n",
      "t.csv:3: 'total' is not a timestamp; write Unix seconds, or a date and time such as 2026-08-01T00:00:00Z"
    ),
    (
      "01/08/2026 00:00,1\n01/08/2026 00:01,2\n",
      "t.csv:2: '01/08/2026 00:01' is not a timestamp; write Unix seconds, or a date and time such as 2026-08-01T00:00:00Z"
    ),
    (
      "600,\"1,234.5\"\n660,2\n",
      "t.csv:1: '1,234.5' is not a number; write one such as 1234.5, without a unit and without thousands separators"
    ),
    (
      "600;1.234,5\n660;2\n",
      "t.csv:1: '1.234,5' is not a number; write one such as 1234.5, without a unit and without thousands separators"
    ),
    (
      "600;1\u{202F}234\n660;2\n",
      "t.csv:1: '1\\u{202F}234' is not a number; write one such as 1234.5, without a unit and without thousands separators"
    ),
    (
      "600,34.6 req/s\n660,2\n",
      "t.csv:1: '34.6 req/s' is not a number; write one such as 1234.5, without a unit and without thousands separators"
    ),
    (
      "600;0,5\n660;1.234\n",
      "t.csv:2: a decimal '.' here and a ',' in line 1; write all numbers with the same decimal mark and without thousands separators"
    ),
    (
      "1785542400,1\n1785542460000,2\n",
      "t.csv:2: '1785542460000' would be milliseconds since 1970, and line 1 has seconds; use one unit"
    ),
    ("timestamp,value\n600,\"1\n660,2\n", "t.csv:2: a quote is not closed"),
    ("600,1\n600,2\n", "t.csv: all 2 rows have the same timestamp; at least two are required"),
    (
      "46235.0,1\n46235.04167,2\n46235.08333,3\n",
      "t.csv: the timestamps look like a spreadsheet's day numbers; format them as 2026-08-01 00:00:00"
    ),
  ]

  @Test("rejects ambiguous files with the line and what is expected", arguments: ambiguous)
  func refuses(text: String, problem: String) {
    let error = #expect(throws: TraceFile.ReadError.self) { try TraceFile(text: text, name: "t.csv") }
    #expect(error?.description == problem)
  }

  @Test("any bytes are read as finite or missing samples, or rejected with a reason")
  func mutations() {
    let seeds = Self.formats.map(\.text) + Self.ambiguous.map(\.text)
    let pieces = [
      "\"", ";", ",", "\t", "\n", "\r", "1e308", "-1e308", "nan", "0", "9", "-", ":", "sep=", "#", "\u{FEFF}", "+",
    ]
    .map { Array($0.utf8) }
    var state: UInt64 = 42
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % max(1, bound)
    }
    for round in 0..<1000 {
      var bytes = Array(seeds[round % seeds.count].utf8)
      for _ in 0...random(4) {
        let place = random(bytes.count)
        switch random(3) {
        case 0: bytes.replaceSubrange(place..<min(bytes.count, place + random(6)), with: [])
        case 1: bytes.insert(contentsOf: pieces[random(pieces.count)], at: place)
        default: if !bytes.isEmpty { bytes[place] = UInt8(random(256)) }
        }
      }
      do {
        let series = try TraceFile(bytes: bytes, name: "t.csv").series
        #expect(series.step > .zero && !series.values.contains(.infinity) && !series.values.contains(-.infinity))
      } catch {
        #expect((error as? TraceFile.ReadError)?.problem.isEmpty == false, "\(error)")
      }
    }
  }

  @Test("uses a named value column if the other columns are the same in all rows")
  func namedColumns() throws {
    let text = """
      #datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string
      ,result,table,_start,_stop,_time,_value,_field
      ,,0,2026-08-01T00:00:00Z,2026-08-02T00:00:00Z,2026-08-01T00:00:00Z,1.5,rps
      ,,0,2026-08-01T00:00:00Z,2026-08-02T00:00:00Z,2026-08-01T00:01:00Z,2.5,rps
      """
    #expect(try TraceFile(text: text, name: "t.csv").series.values == [1.5, 2.5])
  }
}

/// Series with missing samples are equal where both miss them.
func expect(_ series: TimeSeries, equals other: TimeSeries, _ name: String) {
  #expect(series.start == other.start, "\(name)")
  #expect(series.step == other.step, "\(name)")
  #expect(series.values.map { $0.isNaN ? -1 : $0 } == other.values.map { $0.isNaN ? -1 : $0 }, "\(name)")
}
