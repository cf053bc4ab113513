import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a shared query returned for a range, put together from the responses for its parts.
struct SharedAnswer: Sendable {
  let grid: GridRange
  /// The values of the label whose samples are kept.
  let wanted: Set<String>
  /// When the query was sent.
  let askedAt: Date
  /// The samples by the label's value, NaN where one is missing.
  private(set) var columns: [String: [Double]] = [:]
  /// Two of the series of each value that has several.
  private(set) var duplicates: [String: String] = [:]
  /// The number of the first instant of an incomplete response.
  private(set) var partialFrom: Int?
  /// The largest number of series in a response.
  private(set) var seriesCount = 0
  /// Some values of the label.
  private(set) var examples: [String] = []
  /// The labels of a series without the label.
  private(set) var unlabelled: String?

  init(_ grid: GridRange, of wanted: Set<String>, askedAt: Date) {
    self.grid = grid
    self.wanted = wanted
    self.askedAt = askedAt
  }

  /// Adds the response for a part.
  mutating func add(_ part: PrometheusColumns, for range: GridRange) {
    seriesCount = max(seriesCount, part.seriesCount)
    if part.envelope.isPartial { partialFrom = min(partialFrom ?? range.first, range.first) }
    for (value, pair) in part.duplicates where duplicates[value] == nil { duplicates[value] = pair }
    if examples.isEmpty { examples = part.examples }
    unlabelled = unlabelled ?? part.unlabelled
    if range == grid {
      columns = part.columns
      return
    }
    let places = (range.first - grid.first)..<(range.first - grid.first + range.count)
    for (value, samples) in part.columns {
      columns[value, default: Array(repeating: .nan, count: grid.count)].replaceSubrange(places, with: samples)
    }
  }

  /// The series that were found, for an error.
  func summary(of label: String) -> String {
    guard seriesCount > 0 else { return "the query returned no series" }
    var text = "the query returned \(seriesCount) series"
    if !examples.isEmpty {
      text += ", such as " + examples.map { "\(label)=\"\($0)\"" }.joined(separator: ", ")
    }
    if let unlabelled { text += "; one without this label is \(unlabelled)" }
    return text
  }
}

/// The history of one reader, which waits to be read.
struct SharedHistory: Sendable {
  let grid: GridRange
  /// The samples, NaN where one is missing; nil when the query has no series for the reader.
  let column: [Double]?
  let duplicate: String?
  let partialFrom: Int?
  let readAt: Date
}
