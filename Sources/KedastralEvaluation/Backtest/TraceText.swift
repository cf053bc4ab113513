import KedastralCore

/// Load series in the M4 competition's long format; one load in rows of `timestamp,value` is a TraceFile of KedastralSources.
public enum TraceText {
  /// An invalid trace.
  public enum Problem: Error, Equatable, CustomStringConvertible {
    /// A line that cannot be parsed.
    case line(Int, String)

    /// One line for the user.
    public var description: String {
      switch self {
      case .line(let number, let text): "line \(number): expected 'id,split,step,value', found '\(text.prefix(60))'"
      }
    }
  }

  /// One series of the M4 long format (`id,split,step,value`; split `train` or `test`).
  public struct SplitSeries: Sendable, Equatable {
    /// The series' name.
    public var id: String
    /// The history.
    public var train: [Double]
    /// The samples after the history.
    public var test: [Double]
  }

  /// Parses the M4 long format; the rows of each series must be in order.
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
