/// The values of one metric in one scrape.
struct Exposition: Equatable {
  /// The values of the matching samples, by their labels.
  private(set) var values: [[String: String]: Double] = [:]
  /// Whether the metric counts up, by its TYPE line or its name.
  private(set) var isCounter: Bool

  /// Reads an exposition; only the lines of the requested metric are parsed, so a long one costs little.
  ///
  /// - Throws: ExpositionLine.Defect when a line of the metric cannot be read.
  init(_ body: [UInt8], selector: ScrapeSelector) throws {
    let name = Array(selector.metric.utf8)
    let typeLine = Array("# TYPE \(selector.metric) ".utf8)
    isCounter = Self.isCounterName(selector.metric)
    for line in body.split(separator: 0x0A) {
      guard line.starts(with: name) || line.starts(with: typeLine) else { continue }
      switch try ExpositionLine(Substring(decoding: line, as: UTF8.self)) {
      case .sample(selector.metric, let labels, let value) where selector.matches(labels): values[labels] = value
      case .type(selector.metric, let kind): isCounter = isCounter || kind == "counter"
      default: break
      }
    }
  }

  /// Whether a metric is a counter by the convention for names.
  static func isCounterName(_ metric: String) -> Bool {
    ["_total", "_count", "_sum", "_bucket"].contains { metric.hasSuffix($0) }
  }
}
