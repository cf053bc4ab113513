import Foundation
import KedastralCore
import KedastralSources
import Testing

@Suite("Trace files with irregular rows")
struct TraceFileGridTests {
  private static let start = 1_785_542_400.0
  private static let count = 2000

  /// A load per minute; each row is moved by so many seconds.
  private func file(
    step: Double = 60, wanted: Duration? = nil, extra: [(Double, Double)] = [], _ shift: (Int) -> Double = { _ in 0 }
  ) throws -> TraceFile {
    let rows = (0..<Self.count).map { (Self.start + step * Double($0) + shift($0), load($0)) } + extra
    let lines = rows.sorted { $0.0 < $1.0 }.map { "\($0.0),\($0.1)" }
    return try TraceFile(text: lines.joined(separator: "\n"), name: "t.csv", step: wanted)
  }

  private func load(_ index: Int) -> Double { Double(index % 97) }

  /// A number between 0 and 1 that looks random.
  private func noise(_ index: Int) -> Double {
    var bits = UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15
    bits ^= bits >> 31
    return Double(bits % 10_007) / 10_007
  }

  private func regular(step: Double = 60) -> TimeSeries {
    TimeSeries(
      start: Date(timeIntervalSince1970: Self.start), step: .seconds(step), values: (0..<Self.count).map(load))
  }

  @Test("reads regular rows without a remark, wherever their grid lies", arguments: [0, 1, 17.5, 30, 59.9])
  func regularRows(shift: Double) throws {
    let file = try file { _ in shift }
    #expect(file.series.start == Date(timeIntervalSince1970: Self.start + shift))
    #expect(file.series.step == .seconds(60))
    #expect(file.series.values == regular().values)
    #expect(file.remarks == [])
  }

  @Test(
    "one row that is late by a second does not change the step to a second, whatever step is requested",
    arguments: [nil, 60, 300])
  func strayRow(wanted: Int?) throws {
    let file = try file(wanted: wanted.map { .seconds($0) }, extra: [(Self.start + 600 * 60 + 1, load(600))])
    expect(file.series, equals: regular(), "stray row")
    #expect(
      file.remarks == [
        "rows that are not on the step of 1m: 1 of 2001; each is assigned to the nearest step",
        "rows that share a step with an earlier row: 1 of 2001; their mean is used",
      ])
  }

  @Test("a row off a grid that does not start at whole minutes does not move the grid")
  func strayRowOffWholeMinutes() throws {
    let file = try file(extra: [(Self.start + 600 * 60 + 9, load(600))]) { _ in 7 }
    #expect(file.series.start == Date(timeIntervalSince1970: Self.start + 7))
    #expect(file.series.values == regular().values)
  }

  @Test("a phase that drifts by seconds is assigned to whole minutes")
  func phase() throws {
    let moved = try file { $0 < 1100 ? 0 : 1 }
    expect(moved.series, equals: regular(), "moved")
    #expect(moved.remarks == ["rows that are not on the step of 1m: 900 of 2000; each is assigned to the nearest step"])
    let jitter = try file { (noise($0) * 3).rounded(.down) - 1 }
    expect(jitter.series, equals: regular(), "jitter")
    let late = try file { noise($0) < 0.7 ? 1 : 0 }
    expect(late.series, equals: regular(), "mostly a second late")
  }

  @Test("wide jitter without two equal distances uses the nearest common step", arguments: [10.0, 60, 300, 3600])
  func jitter(step: Double) throws {
    let file = try file(step: step) { (noise($0) - 0.5) * 0.3 * step }
    expect(file.series, equals: regular(step: step), "\(step)")
    #expect(file.remarks.count == 1)
  }

  @Test("finds an unusual step in rows with jitter, and uses it exactly when it is requested")
  func unusualStep() throws {
    let found = try file(step: 47) { noise($0) < 0.1 ? 1 : 0 }
    #expect(found.series.step == .seconds(47) && found.series.values == regular().values)
    let wanted = try file(step: 47, wanted: .seconds(45)) { noise($0) < 0.1 ? 1 : 0 }
    #expect(wanted.series.step == .seconds(45))
  }

  @Test("rows that are finer than the requested step keep their own step")
  func finerRows() throws {
    let file = try file(step: 10, wanted: .seconds(60)) { $0 == 5 ? 1 : 0 }
    #expect(file.series.step == .seconds(10))
  }

  @Test("unordered rows are sorted, and counted")
  func order() throws {
    let newestFirst = try TraceFile(text: "180,4\n120,3\n60,2\n0,1\n", name: "t.csv")
    #expect(newestFirst.series.values == [1, 2, 3, 4])
    #expect(
      newestFirst.remarks == ["rows earlier than the row before them: 3 of 4; the rows are sorted by time"])
    let one = try TraceFile(text: "0,1\n120,3\n60,2\n180,4\n", name: "t.csv")
    #expect(one.series.values == [1, 2, 3, 4])
    #expect(one.remarks == ["rows earlier than the row before them: 1 of 4; the rows are sorted by time"])
  }

  @Test("rows with the same timestamp are averaged, without missing values")
  func duplicates() throws {
    let file = try TraceFile(text: "0,1\n60,2\n60,4\n120,\n120,5\n180,\n180,\n240,6\n", name: "t.csv")
    #expect(file.series.values.map { $0.isNaN ? -1 : $0 } == [1, 3, 5, -1, 6])
    #expect(file.remarks == ["rows that share a step with an earlier row: 3 of 8; their mean is used"])
    let huge = try TraceFile(text: "0,1e308\n0,1e308\n60,-1e308\n60,1e308\n", name: "t.csv")
    #expect(huge.series.values == [1e308, 0])
  }
}
