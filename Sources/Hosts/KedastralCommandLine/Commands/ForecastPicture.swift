import FoundationEssentials
import KedastralCore
import KedastralDaemon

/// Load, forecast with its band of quantiles, and planned replicas, over time.
struct ForecastPicture {
  private static let width = 1000.0
  private static let left = 60.0
  private static let right = 50.0
  private static let top = 44.0
  private static let panelHeight = 250.0

  let snapshot: Snapshot
  let history: TimeSeries?

  /// The picture.
  var svg: [UInt8] {
    let base = Self.top + Self.panelHeight
    let start = history?.start ?? snapshot.generatedAt
    let end = snapshot.generatedAt + snapshot.step * snapshot.values.count
    let span = max(1, end.timeIntervalSince(start))
    let measured = (history?.values ?? []).filter(\.isFinite)
    let paths = snapshot.quantiles.paths
    let largest = max(1e-9, (measured + snapshot.values + (paths.last?.values ?? [])).max() ?? 1) * 1.05
    let most = Double(max(1, snapshot.desiredReplicas.max() ?? 1)) * 1.05
    func x(_ instant: Date) -> Double {
      Self.left + instant.timeIntervalSince(start) / span * (Self.width - Self.left - Self.right)
    }
    func y(_ load: Double) -> Double { base - load / largest * Self.panelHeight }
    func along(_ values: [Double]) -> [(x: Double, y: Double)] {
      values.enumerated().map { (x(snapshot.generatedAt + snapshot.step * ($0.offset + 1)), y($0.element)) }
    }

    let title = "\(snapshot.workload): \(snapshot.metric) by \(snapshot.model ?? "forecast")"
    var picture = SVGDocument(width: Self.width, height: base + 50, title: title)
    picture.text(title, x: Self.left, y: 20, isBold: true)
    if let low = paths.first, let high = paths.last, paths.count > 1 {
      picture.polygon(along(high.values) + along(low.values).reversed(), color: "#d7e3f5")
    }
    if let history { draw(history, x: x, y: y, on: &picture) }
    picture.line(along(snapshot.values), color: "#1f5fbf", width: 2)
    var steps: [(x: Double, y: Double)] = []
    for (index, replicas) in snapshot.desiredReplicas.enumerated() {
      let height = base - Double(replicas) / most * Self.panelHeight
      steps.append((x(snapshot.generatedAt + snapshot.step * index), height))
      steps.append((x(snapshot.generatedAt + snapshot.step * (index + 1)), height))
    }
    picture.line(steps, color: "#2a9d5c", dashes: "5 3")
    picture.line([(Self.left, Self.top), (Self.left, base), (Self.width - Self.right, base)], color: "#888", width: 1)
    for share in [0.5, 1] {
      picture.text((largest / 1.05 * share).loadText, x: Self.left - 6, y: y(largest / 1.05 * share) + 4, anchor: "end")
    }
    picture.text(
      "\(Int(most / 1.05)) pods", x: Self.width - Self.right + 4, y: Self.top + 16, color: "#2a9d5c")
    for instant in [start, snapshot.generatedAt, end] {
      picture.text(
        String(Timestamp.format(instant).prefix(16)), x: x(instant), y: base + 18,
        anchor: instant == start ? "start" : "end", color: "#666")
    }
    legend(on: &picture, y: base + 40)
    return picture.bytes
  }

  /// One line for each run of samples that are present.
  private func draw(
    _ history: TimeSeries, x: (Date) -> Double, y: (Double) -> Double, on picture: inout SVGDocument
  ) {
    var run: [(x: Double, y: Double)] = []
    for (index, value) in history.values.enumerated() {
      if value.isFinite {
        run.append((x(history.instant(at: index)), y(value)))
      } else {
        picture.line(run, color: "#555")
        run = []
      }
    }
    picture.line(run, color: "#555")
  }

  private func legend(on picture: inout SVGDocument, y: Double) {
    let entries = [
      ("load", "#555"), ("forecast", "#1f5fbf"), ("range of the quantiles", "#d7e3f5"), ("planned replicas", "#2a9d5c"),
    ]
    for (index, (text, color)) in entries.enumerated() {
      let x = Self.left + Double(index) * 170
      picture.rectangle(x: x, y: y - 8, width: 16, height: 6, color: color)
      picture.text(text, x: x + 22, y: y)
    }
  }
}
