import Glibc
import KedastralCore
import KedastralDaemon
import KedastralEvaluation

/// Violations over pod-hours for each value of a policy's parameter, one panel for each startup time.
struct FrontierPicture {
  private static let panel = (width: 560.0, height: 360.0)
  private static let margin = (left: 70.0, top: 60.0, bottom: 44.0, right: 20.0)
  private static let colors = ["hpa": "#d1352b", "reference": "#b8860b", "oracle": "#222"]
  private static let kedastralColors = ["#1f5fbf", "#2a9d5c", "#7b3fbf", "#0aa3b5"]
  /// The start of the pod-hours axis, just below perfect foresight.
  private static let leastRatio = 0.95
  /// Smaller shares are drawn at this value, because the axis is logarithmic.
  private static let leastShare = 0.0001

  private let title: String
  private let groups: [(startup: Duration, frontiers: [(policy: String, frontier: Frontier)])]

  init(_ trace: String, _ outcomes: [Replay.Outcome]) {
    title = trace
    groups = FrontierComparison.groups(outcomes)
  }

  /// The picture.
  var svg: [UInt8] {
    let stride = Self.margin.left + Self.panel.width + Self.margin.right
    var picture = SVGDocument(
      width: stride * Double(max(1, groups.count)), height: Self.margin.top + Self.panel.height + Self.margin.bottom,
      title: "\(title): violations over pod-hours")
    picture.text("\(title): violations over pod-hours", x: 16, y: 20, isBold: true)
    for (index, group) in groups.enumerated() {
      draw(group.frontiers, startup: group.startup, left: Double(index) * stride + Self.margin.left, on: &picture)
    }
    return picture.bytes
  }

  private func draw(
    _ frontiers: [(policy: String, frontier: Frontier)], startup: Duration, left: Double, on picture: inout SVGDocument
  ) {
    let figures = frontiers.flatMap { $0.frontier.points.map(\.figures) }.filter { $0.oracleRatio >= Self.leastRatio }
    // Only up to the pod-hours of hpa.
    let reach = frontiers.first { $0.policy == "hpa" }?.frontier.points.last?.figures.oracleRatio
    let largestRatio = max(1.2, reach ?? figures.map(\.oracleRatio).max() ?? 2)
    let largestShare = max(figures.map(\.violationShare).max() ?? 1, 0.01)
    let decades = (largestShare / Self.leastShare).decades
    let base = Self.margin.top + Self.panel.height
    func x(_ ratio: Double) -> Double {
      left + (ratio - Self.leastRatio) / (largestRatio - Self.leastRatio) * Self.panel.width
    }
    func y(_ share: Double) -> Double {
      base - (max(share, Self.leastShare) / Self.leastShare).decades / decades * (Self.panel.height - 10)
    }
    picture.text("pods start in \(DurationText.format(startup))", x: left, y: Self.margin.top - 16)
    picture.line([(left, Self.margin.top), (left, base), (left + Self.panel.width, base)], color: "#888", width: 1)
    for share in [0.0001, 0.001, 0.01, 0.1, 1] where share <= largestShare * 1.01 {
      picture.text(
        (share == Self.leastShare ? "≤ " : "") + share.percent(share < 0.01 ? 2 : 0), x: left - 6, y: y(share) + 4,
        anchor: "end", color: "#666")
      picture.line([(left, y(share)), (left + Self.panel.width, y(share))], color: "#eee", width: 1)
    }
    for step in 0...10 {
      let ratio = 1 + Double(step) * ((largestRatio - 1) / 5 * 10).rounded(.up) / 10
      guard ratio <= largestRatio + 1e-9 else { break }
      picture.text("\(ratio.text(1))×", x: x(ratio), y: base + 18, anchor: "middle", color: "#666")
    }
    picture.text(
      "x: pod-hours relative to perfect foresight; y: minutes in violation", x: left, y: base + 36, color: "#666")
    var kedastralColors = Self.kedastralColors[...]
    for (row, entry) in frontiers.enumerated() {
      let color = Self.colors[entry.policy] ?? kedastralColors.popFirst() ?? "#666"
      let points = entry.frontier.points.filter {
        (Self.leastRatio...largestRatio + 1e-9).contains($0.figures.oracleRatio)
      }
      picture.line(points.map { (x($0.figures.oracleRatio), y($0.figures.violationShare)) }, color: color)
      for point in points {
        let figures = point.figures
        picture.dot(
          x: x(figures.oracleRatio), y: y(figures.violationShare), color: color,
          note:
            "\(entry.policy) \(point.knob): \(figures.violationMinutes.text(1)) min, \(figures.podHours.text(0)) pod-hours"
        )
      }
      picture.text(
        entry.policy, x: left + Self.panel.width - 8, y: Self.margin.top + 14 + Double(row) * 16, anchor: "end",
        color: color, isBold: true)
    }
  }
}

extension Double {
  /// The decimal logarithm, 0 for numbers up to 1.
  fileprivate var decades: Double { self > 1 ? log10(self) : 0 }
}
