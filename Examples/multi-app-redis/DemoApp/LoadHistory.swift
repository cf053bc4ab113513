import FoundationEssentials
import KedastralCore

/// What Prometheus would have scraped from the application before the course's origin, in OpenMetrics text.
///
/// `promtool tsdb create-blocks-from openmetrics` makes blocks of it, so that a forecaster has a past to learn from at once.
struct LoadHistory {
  private let course: LoadCourse
  private let labels: String
  private let past: Duration
  private let scrapeInterval: Duration

  init(_ environment: Environment) throws {
    course = try LoadCourse(environment, now: SystemWallClock().now)
    past = try environment.duration("HISTORY", default: "2d")
    scrapeInterval = try environment.duration("SCRAPE_INTERVAL", default: "15s")
    guard past > scrapeInterval, past.inSeconds / scrapeInterval.inSeconds <= 1_000_000 else {
      throw Environment.Problem(description: "HISTORY must hold more than one and at most a million SCRAPE_INTERVALs")
    }
    let app = try environment.text("APP_NAME", default: "app")
    let namespace = try environment.text("POD_NAMESPACE", default: "default")
    labels = #"{namespace="\#(namespace)",app="\#(app)",job="apps",instance="history"}"#
  }

  /// Writes the text to standard output.
  func write() {
    var text = "# HELP api_requests Requests answered.\n# TYPE api_requests counter\n"
    let spacing = scrapeInterval.inSeconds / course.speed
    let count = Int((past.inSeconds / scrapeInterval.inSeconds).rounded(.down))
    var total = 0.0
    for index in (0..<count).reversed() {
      let instant = course.origin.addingTimeInterval(-Double(index + 1) * spacing)
      total += course.rate(at: instant) * spacing
      text += "api_requests_total\(labels) \(total) \((instant.timeIntervalSince1970 * 1000).rounded() / 1000)\n"
    }
    Output.say(text + "# EOF")
  }
}
