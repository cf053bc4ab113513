/// The response to a Prometheus range query for one series.
struct PrometheusAnswer: Equatable {
  /// The points of the first series.
  private(set) var points: [PrometheusPoint] = []
  /// The number of series in the response.
  private(set) var seriesCount = 0
  /// The labels of the first two series, as selectors.
  private(set) var firstSelectors: [String] = []
  /// All but the series.
  let envelope: PrometheusEnvelope

  /// Parses a response.
  ///
  /// - Parameter expectedPoints: the approximate number of points.
  /// - Throws: JSONScanner.Defect when it is not such a response.
  init(_ body: [UInt8], expectedPoints: Int = 0) throws {
    var (points, seriesCount, firstSelectors) = ([PrometheusPoint](), 0, [String]())
    points.reserveCapacity(expectedPoints)
    envelope = try PrometheusEnvelope(body) { scanner in
      seriesCount += 1
      let isFirst = seriesCount == 1
      try scanner.object { scanner, key in
        switch key {
        case "values" where isFirst: try scanner.array { points.append(try PrometheusPoint(&$0)) }
        case "metric" where firstSelectors.count < 2:
          firstSelectors.append(try PrometheusLabels(&scanner).selector)
        default: try scanner.skipValue()
        }
      }
    }
    (self.points, self.seriesCount, self.firstSelectors) = (points, seriesCount, firstSelectors)
  }
}
