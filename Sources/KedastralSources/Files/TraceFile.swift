import KedastralCore

/// A load series in a text file: `timestamp,value` lines, as programs, Grafana and spreadsheets write them.
///
///     timestamp,value
///     1785542400,46.4
///     1785542460,
///     2026-08-01T00:02:00Z,45.8
///
/// - A timestamp is Unix seconds, milliseconds, microseconds or nanoseconds (told apart by their size), RFC 3339, or
///   `YYYY-MM-DD HH:MM:SS`, which is read as UTC.
/// - An empty value, `NaN`, `null`, or an absent line is a missing sample.
/// - Fields are separated by commas, semicolons or tabs; with the latter two a value may have a decimal comma. Fields
///   may be quoted, and a byte order mark is skipped.
/// - A first row without a timestamp names the columns. Columns other than timestamp and value must be the same in all
///   rows.
/// - Empty lines and lines that begin with `#` are skipped.
///
/// The step is the usual distance between two lines. Unordered rows are sorted, rows off the grid are assigned to its
/// nearest instant, and rows for the same instant are averaged; ``remarks`` reports how many there were of each.
public struct TraceFile: Sendable, Equatable {
  /// Why a file cannot be read as a series.
  public struct ReadError: Error, Equatable, CustomStringConvertible {
    /// The file.
    public let file: String
    /// The line, counted from 1; nil when the whole file is invalid.
    public let line: Int?
    /// What is invalid, and what is expected.
    public let problem: String
    public var description: String { line.map { "\(file):\($0): \(problem)" } ?? "\(file): \(problem)" }
  }

  /// The number of rows that are read to identify the columns.
  fileprivate static let sampledRows = 100

  /// The series.
  public let series: TimeSeries
  /// The assumptions and corrections made while reading the file, one sentence each without a full stop; for example
  /// rows off the grid.
  public let remarks: [String]

  /// Reads a file.
  ///
  /// - Parameter step: the requested step, positive; it is used as the file's own when the usual distance between two
  ///   lines is within 10 % of it and the lines are irregular.
  /// - Throws: ``ReadError``, which names the line.
  public init(path: String, step: Duration? = nil) throws {
    let bytes: [UInt8]
    do throws(FileBytes.ReadError) { bytes = try FileBytes.read(path: path) } catch {
      throw ReadError(file: path, line: nil, problem: error.description)
    }
    try self.init(bytes: bytes, name: path, step: step)
  }

  /// Reads a file's text.
  ///
  /// - Throws: ``ReadError``, which names the line.
  public init(text: String, name: String, step: Duration? = nil) throws {
    try self.init(bytes: Array(text.utf8), name: name, step: step)
  }

  /// Reads a file's bytes: UTF-8, or UTF-16 with a byte order mark.
  ///
  /// - Throws: ``ReadError``, which names the line.
  public init(bytes: [UInt8], name: String, step: Duration? = nil) throws {
    var reader = RowReader(bytes, file: name)
    let points = try reader.readAll()
    let grid: TraceGrid
    do throws(TraceGrid.Defect) { grid = try TraceGrid(points, step: step) } catch {
      throw ReadError(file: name, line: nil, problem: error.problem)
    }
    series = grid.series
    remarks = Self.remarks(on: grid, rows: points.count, hasTimesWithoutZone: reader.hasTimesWithoutZone)
  }

  private static func remarks(on grid: TraceGrid, rows: Int, hasTimesWithoutZone: Bool) -> [String] {
    var remarks: [String] = []
    let step = DurationText.format(grid.series.step)
    if grid.offGridCount > 0 {
      remarks.append(
        "rows that are not on the step of \(step): \(grid.offGridCount) of \(rows); each is assigned to the nearest step"
      )
    }
    if grid.sharedCount > 0 {
      remarks.append(
        "rows that share a step with an earlier row: \(grid.sharedCount) of \(rows); their mean is used")
    }
    if grid.unsortedCount > 0 {
      remarks.append(
        "rows earlier than the row before them: \(grid.unsortedCount) of \(rows); the rows are sorted by time")
    }
    if hasTimesWithoutZone { remarks.append("times without a time zone are read as UTC") }
    return remarks
  }

  /// A field in quotes for a message: on one line, cut after 100 characters, with invisible characters as numbers.
  static func shown(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(100) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
        result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      case .spaceSeparator where scalar != " ":
        result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return "'\(result)'"
  }
}

/// Reads the rows of a trace file.
private struct RowReader {
  private let file: String
  private var text: DelimitedText
  private var values: TraceValueReader
  /// The unit of the first timestamp that is a number, and its line.
  private var unit: (TraceTimestamp.Unit, line: Int)?
  /// The first row's labels, and its line.
  private var labels: (fields: [String], line: Int)?
  /// Whether some instant was written without a time zone.
  private(set) var hasTimesWithoutZone = false

  init(_ bytes: [UInt8], file: String) {
    self.file = file
    text = DelimitedText(bytes)
    values = TraceValueReader(allowsComma: text.separator != UInt8(ascii: ","))
  }

  mutating func readAll() throws(TraceFile.ReadError) -> [TraceGrid.Point] {
    guard var row = try nextRow() else { return [] }
    var header: DelimitedText.Row?
    if TraceColumns.isHeader(row.fields) {
      header = row
      guard let second = try nextRow() else { return [] }
      row = second
    }
    var sample = [row]
    while sample.count < TraceFile.sampledRows, let next = try nextRow() { sample.append(next) }
    let columns: TraceColumns
    do throws(TraceColumns.Defect) {
      columns = try TraceColumns(header: header?.fields, rows: sample.map(\.fields), reader: values)
    } catch {
      throw TraceFile.ReadError(file: file, line: (header ?? row).line, problem: error.problem)
    }
    var points: [TraceGrid.Point] = []
    for row in sample { points.append(try point(row, columns)) }
    while let row = try nextRow() { points.append(try point(row, columns)) }
    return points
  }

  private mutating func nextRow() throws(TraceFile.ReadError) -> DelimitedText.Row? {
    do throws(DelimitedText.UnclosedQuote) { return try text.next() } catch {
      throw TraceFile.ReadError(file: file, line: error.line, problem: "a quote is not closed")
    }
  }

  private mutating func point(
    _ row: DelimitedText.Row, _ columns: TraceColumns
  ) throws(TraceFile.ReadError) -> TraceGrid.Point {
    func problem(_ text: String) -> TraceFile.ReadError {
      TraceFile.ReadError(file: file, line: row.line, problem: text)
    }
    guard let fields = columns.fields(row.fields) else {
      let shown = TraceFile.shown(row.fields.joined(separator: String(UnicodeScalar(text.separator))))
      throw problem(
        columns.count == 2
          ? "\(shown) is not timestamp,value"
          : "\(shown) has \(row.fields.count) columns; expected \(columns.count)")
    }
    let written = fields[columns.time]
    guard let time = TraceTimestamp(written) else {
      throw problem(
        "\(TraceFile.shown(written)) is not a timestamp; write Unix seconds, or a date and time such as 2026-08-01T00:00:00Z"
      )
    }
    if case .number(let own) = time.form {
      if let unit, unit.0 != own {
        throw problem(
          "\(TraceFile.shown(written)) would be \(own.rawValue) since 1970, and line \(unit.line) has \(unit.0.rawValue); use one unit"
        )
      }
      if unit == nil { unit = (own, row.line) }
    }
    if time.form == .dateWithoutZone { hasTimesWithoutZone = true }
    try checkLabels(fields, columns, line: row.line)
    do throws(TraceValueReader.Defect) {
      return TraceGrid.Point(
        seconds: time.seconds, value: try values.read(fields[columns.value], line: row.line))
    } catch {
      throw problem(error.problem)
    }
  }

  private mutating func checkLabels(
    _ fields: [String], _ columns: TraceColumns, line: Int
  ) throws(TraceFile.ReadError) {
    guard let labels else {
      labels = (fields, line)
      return
    }
    for column in columns.labels where fields[column] != labels.fields[column] {
      throw TraceFile.ReadError(
        file: file, line: line,
        problem:
          "\(columns.name(of: column)) has \(TraceFile.shown(fields[column])) here and \(TraceFile.shown(labels.fields[column])) in line \(labels.line); a file has one series, so export a single series"
      )
    }
  }
}
