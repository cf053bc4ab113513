/// The columns of a file that hold the instants and the loads.
///
/// Further columns are labels, as in Grafana's `Series;Time;Value`: each must have the same text in all rows, since a file has
/// one series.
struct TraceColumns: Equatable {
  /// Why the columns cannot be identified.
  struct Defect: Error, Equatable {
    let problem: String
  }

  /// The names of the header, if there is one.
  let header: [String]?
  /// How many columns there are.
  let count: Int
  let time: Int
  let value: Int
  /// The other columns.
  let labels: [Int]

  /// Whether the first row of a file is a header and not a sample.
  static func isHeader(_ first: [String]) -> Bool {
    if first.contains(where: namesTime) { return true }
    if let start = first.first, TraceTimestamp(start) != nil { return false }
    return !first.contains { TraceTimestamp($0)?.isDate == true }
  }

  /// Finds the columns.
  ///
  /// - Parameters:
  ///   - header: the first row, if it names the columns.
  ///   - rows: the first rows with samples; not empty.
  init(header: [String]?, rows: [[String]], reader: TraceValueReader) throws(Defect) {
    let firstRow = rows.first ?? []
    self.header = header
    // Spreadsheets end each row with separators of columns that are empty.
    let first = header ?? firstRow
    count = max((first.lastIndex { !$0.isEmpty } ?? 0) + 1, min(first.count, 2))
    guard count > 1 else {
      throw Defect(problem: "\(TraceFile.shown(first.joined())) is one column; write timestamp,value")
    }
    let time =
      header?.firstIndex(where: Self.namesTime) ?? firstRow.firstIndex { TraceTimestamp($0)?.isDate == true } ?? 0
    let others = (0..<count).filter { $0 != time }
    let numeric = others.filter { column in
      let fields = rows.map { column < $0.count ? $0[column] : "" }
      return fields.contains(where: reader.isNumber)
        && fields.allSatisfy { TraceValueReader.isMissing($0) || reader.isNumber($0) }
    }
    let valueNamed = others.filter { column in header.map { column < $0.count && Self.namesValue($0[column]) } ?? false
    }
    let candidates = others.count == 1 ? others : valueNamed.count == 1 ? valueNamed : numeric
    func name(_ column: Int) -> String {
      if let header, column < header.count, !header[column].isEmpty { return TraceFile.shown(header[column]) }
      return "column \(column + 1)"
    }
    guard let value = candidates.first, candidates.count == 1 else {
      let found =
        candidates.isEmpty
        ? "none of which has numbers except the timestamps"
        : "of which \(candidates.prefix(3).map(name).joined(separator: " and ")) have numbers"
      throw Defect(problem: "\(count) columns, \(found); a file has one series: write timestamp,value")
    }
    self.time = time
    self.value = value
    labels = others.filter { $0 != value }
  }

  /// A column's name for messages.
  func name(of column: Int) -> String {
    if let header, column < header.count, !header[column].isEmpty {
      return "the column \(TraceFile.shown(header[column]))"
    }
    return "column \(column + 1)"
  }

  /// A row's fields, one for each column; nil when the number differs.
  func fields(_ row: [String]) -> [String]? {
    if row.count > count, row[count...].allSatisfy(\.isEmpty) { return Array(row[..<count]) }
    return row.count == count ? row : nil
  }

  private static func namesTime(_ name: String) -> Bool {
    let first = name.lowercased().split { !$0.isLetter }.first
    return first.map { ["time", "timestamp", "date", "datetime", "ts", "epoch"].contains($0) } ?? false
  }

  private static func namesValue(_ name: String) -> Bool { ["value", "_value"].contains(name.lowercased()) }
}
