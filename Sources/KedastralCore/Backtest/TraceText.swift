#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Load traces as text: `timestamp,value` rows, and the M4 competition's long format.
public enum TraceText {
  /// What is wrong with a trace.
  public enum Problem: Error, Equatable, CustomStringConvertible {
    /// A line that cannot be read.
    case line(Int, String)
    /// Too few rows to tell the step.
    case tooShort(rows: Int)

    /// One line for the user.
    public var description: String {
      switch self {
      case .line(let number, let text): "line \(number): expected 'timestamp,value', found '\(text.prefix(60))'"
      case .tooShort(let rows): "\(rows) rows are too few to tell the step; at least 2 are needed"
      }
    }
  }

  /// Reads `timestamp,value` rows (Unix seconds; an empty value or `NaN` is a missing sample) with or without a header.
  ///
  /// - Parameter step: the step; nil takes the smallest distance of two rows.
  /// - Throws: Problem, with the line.
  public static func series(_ text: String, step: Duration? = nil) throws -> TimeSeries {
    var rows: [(instant: Double, value: Double)] = []
    for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
      guard fields.count == 2, let instant = Double(fields[0]), instant.isFinite else {
        if number == 0 { continue }
        throw Problem.line(number + 1, String(line))
      }
      guard let value = fields[1].isEmpty ? .nan : Double(fields[1]) else {
        throw Problem.line(number + 1, String(line))
      }
      rows.append((instant, value))
    }
    rows.sort { $0.instant < $1.instant }
    let distances = zip(rows.dropFirst(), rows).map { $0.instant - $1.instant }.filter { $0 > 0 }
    guard let first = rows.first, let seconds = step?.inSeconds ?? distances.min() else {
      throw Problem.tooShort(rows: rows.count)
    }
    let start = Date(timeIntervalSince1970: first.instant)
    let last = rows.last?.instant ?? first.instant
    // A stray timestamp must not make a series of billions of missing samples.
    guard (last - first.instant) / seconds < 50_000_000 else { throw Problem.line(rows.count, "timestamp \(last)") }
    let count = Int(((last - first.instant) / seconds).rounded()) + 1
    var series = TimeSeries(
      start: start, step: .milliseconds(Int64((seconds * 1000).rounded())), values: Array(repeating: .nan, count: count)
    )
    for row in rows {
      let index = min(count - 1, Int(((row.instant - first.instant) / seconds).rounded()))
      series.values[index] = row.value
    }
    return series
  }

  /// One series of the M4 long format (`id,split,step,value`; split `train` or `test`).
  public struct SplitSeries: Sendable, Equatable {
    /// The series' name.
    public var id: String
    /// The history.
    public var train: [Double]
    /// What came after it.
    public var test: [Double]
  }

  /// Reads the M4 long format, rows of a series in order.
  ///
  /// - Throws: Problem, with the line.
  public static func splitSeries(_ text: String) throws -> [SplitSeries] {
    var order: [String] = []
    var series: [String: SplitSeries] = [:]
    for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
      guard fields.count == 4, let value = Double(fields[3]) else {
        if number == 0 { continue }
        throw Problem.line(number + 1, String(line))
      }
      if series[fields[0]] == nil {
        order.append(fields[0])
        series[fields[0]] = SplitSeries(id: fields[0], train: [], test: [])
      }
      if fields[1] == "test" {
        series[fields[0]]?.test.append(value)
      } else {
        series[fields[0]]?.train.append(value)
      }
    }
    return order.compactMap { series[$0] }
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
