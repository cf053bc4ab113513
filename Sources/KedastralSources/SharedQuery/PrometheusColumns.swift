/// The response to a range query for many series: a column of samples for each value of a label.
struct PrometheusColumns {
  /// How many label values an error shows.
  static let exampleCount = 3

  /// The samples on the grid by the label's value, NaN where one is missing; only of the wanted values.
  private(set) var columns: [String: [Double]] = [:]
  /// The number of series in the response.
  private(set) var seriesCount = 0
  /// Two of the series, as selectors, of each wanted value that has several.
  private(set) var duplicates: [String: String] = [:]
  /// The first values of the label in the response.
  private(set) var examples: [String] = []
  /// The labels of the first series without the label, as a selector.
  private(set) var unlabelled: String?
  /// The number of samples that are not finite, in wanted columns.
  private(set) var notFiniteCount = 0
  /// All but the series.
  let envelope: PrometheusEnvelope

  /// Parses a response.
  ///
  /// - Parameters:
  ///   - label: the label that tells the columns apart.
  ///   - grid: the instants that were requested; samples at other ones are dropped.
  ///   - isWanted: whether the samples of a value of the label are kept.
  /// - Throws: JSONScanner.Defect when it is not such a response.
  init(_ body: [UInt8], label: String, grid: GridRange, isWanted: (String) -> Bool) throws {
    var columns: [String: [Double]] = [:]
    var selectors: [String: String] = [:]
    var (seriesCount, notFiniteCount) = (0, 0)
    var (duplicates, examples, unlabelled) = ([String: String](), [String](), String?.none)
    envelope = try PrometheusEnvelope(body) { scanner in
      seriesCount += 1
      var labels: PrometheusLabels?
      // Labels may follow the values; they come first in what Prometheus writes.
      var isKept = true
      var column: [Double] = []
      var lost = 0
      try scanner.object { scanner, key in
        switch key {
        case "metric":
          let read = try PrometheusLabels(&scanner)
          isKept = read[label].map(isWanted) ?? false
          labels = read
        case "values" where isKept:
          column = Array(repeating: .nan, count: grid.count)
          try scanner.array { scanner in
            let point = try PrometheusPoint(&scanner)
            guard let position = grid.position(ofSeconds: point.time) else { return }
            if point.value.isFinite { column[position] = point.value } else { lost += 1 }
          }
        default: try scanner.skipValue()
        }
      }
      guard let value = labels?[label] else {
        unlabelled = unlabelled ?? labels?.selector ?? "{}"
        return
      }
      if examples.count < Self.exampleCount, !examples.contains(value) { examples.append(value) }
      guard isKept, let selector = labels?.selector else { return }
      notFiniteCount += lost
      if let other = selectors[value] {
        duplicates[value] = duplicates[value] ?? "\(other) and \(selector)"
      } else {
        selectors[value] = selector
        columns[value] = column.isEmpty ? Array(repeating: .nan, count: grid.count) : column
      }
    }
    (self.columns, self.seriesCount, self.notFiniteCount) = (columns, seriesCount, notFiniteCount)
    (self.duplicates, self.examples, self.unlabelled) = (duplicates, examples, unlabelled)
  }
}
