import FoundationEssentials
import KedastralCore
import KedastralDaemon

/// Load, forecast with its band of quantiles, and planned replicas, over time, drawn as on the page: load and pods share an axis.
struct ForecastPicture {
  private static let width = 1000.0
  private static let left = 60.0
  private static let right = 70.0
  private static let top = 52.0
  private static let panelHeight = 260.0
  private static let base = top + panelHeight
  private static let (ink, quiet, grid) = ("#18212f", "#5a6679", "#e9edf3")
  private static let (loadColor, podColor, bandColor) = ("#1a66d6", "#d9650b", "#d7e3f5")

  let snapshot: Snapshot
  let history: TimeSeries?

  private var begin: Date { history?.start ?? snapshot.generatedAt }
  private var end: Date { snapshot.generatedAt + snapshot.step * snapshot.values.count }
  private var paths: [Quantiles.Path] { snapshot.quantiles.paths }

  /// The load that a pod stands for on the axis.
  private var pod: Double {
    if let target = snapshot.targetPerPod, target > 0 { return target }
    return largestLoad / Double(max(1, snapshot.desiredReplicas.max() ?? 1))
  }
  private var largestLoad: Double {
    let measured = (history?.values ?? []).filter(\.isFinite)
    return max(1e-9, (measured + snapshot.values + (paths.last?.values ?? [])).max() ?? 1)
  }
  private var largest: Double { max(largestLoad, Double(snapshot.desiredReplicas.max() ?? 1) * pod) * 1.08 }

  private func x(_ instant: Date) -> Double {
    let span = max(1, end.timeIntervalSince(begin))
    return Self.left + instant.timeIntervalSince(begin) / span * (Self.width - Self.left - Self.right)
  }

  /// The picture.
  var svg: [UInt8] {
    let (largest, pod) = (largest, pod)
    func y(_ load: Double) -> Double { Self.base - load / largest * Self.panelHeight }
    func along(_ values: [Double]) -> [(x: Double, y: Double)] {
      values.enumerated().map { (x(snapshot.generatedAt + snapshot.step * ($0.offset + 1)), y($0.element)) }
    }
    let title = "\(snapshot.workload): \(snapshot.metric) by \(snapshot.model ?? "forecast")"
    var picture = SVGDocument(width: Self.width, height: Self.base + 50, title: title)
    picture.text(title, x: Self.left, y: 20, isBold: true)
    picture.text(snapshot.metric, x: 4, y: 40, color: Self.quiet)
    for load in SVGDocument.roundValues(upTo: largest) {
      picture.line([(Self.left, y(load)), (Self.width - Self.right, y(load))], color: Self.grid, width: 1)
      picture.text(SVGDocument.roundText(load), x: Self.left - 7, y: y(load) + 4, anchor: "end", color: Self.quiet)
    }
    for count in SVGDocument.roundValues(upTo: largest / pod) where count >= 1 && count == count.rounded() {
      picture.text(
        "\(Int(count)) pod\(count == 1 ? "" : "s")", x: Self.width - Self.right + 7, y: y(count * pod) + 4,
        color: Self.podColor)
    }
    drawTimes(on: &picture)
    if let low = paths.first, let high = paths.last, paths.count > 1 {
      picture.polygon(along(high.values) + along(low.values).reversed(), color: Self.bandColor)
    }
    if let history { draw(history, y: y, on: &picture) }
    picture.line(along(snapshot.values), color: Self.loadColor, width: 1.5, dashes: "4 3")
    var steps: [(x: Double, y: Double)] = []
    for (index, replicas) in snapshot.desiredReplicas.enumerated() {
      steps.append((x(snapshot.generatedAt + snapshot.step * index), y(Double(replicas) * pod)))
      steps.append((x(snapshot.generatedAt + snapshot.step * (index + 1)), y(Double(replicas) * pod)))
    }
    picture.line(steps, color: Self.podColor, width: 2)
    picture.line([(x(snapshot.generatedAt), Self.top - 6), (x(snapshot.generatedAt), Self.base)], color: Self.ink)
    picture.text("now", x: x(snapshot.generatedAt) - 5, y: Self.top - 2, anchor: "end", isBold: true)
    legend(on: &picture, y: Self.base + 42)
    return picture.bytes
  }

  /// Times at round distances since midnight, with the date at midnights, and the time zone.
  private func drawTimes(on picture: inout SVGDocument) {
    let minutes = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080]
    let span = end.timeIntervalSince(begin)
    let step = Double(minutes.first { Double($0) * 60 >= span / 8 } ?? 20_160) * 60
    var time = (begin.timeIntervalSince1970 / step).rounded(.up) * step
    while time <= end.timeIntervalSince1970 {
      let text = Timestamp.format(Date(timeIntervalSince1970: time))
      let isMidnight = time.truncatingRemainder(dividingBy: 86_400) == 0
      let place = x(Date(timeIntervalSince1970: time))
      picture.line([(place, Self.top), (place, Self.base)], color: Self.grid, width: 1)
      picture.text(
        isMidnight ? String(text.prefix(10)) : String(text.dropFirst(11).prefix(5)), x: place, y: Self.base + 18,
        anchor: "middle", color: Self.quiet)
      time += step
    }
    picture.text("UTC", x: Self.width - 6, y: Self.base + 18, anchor: "end", color: Self.quiet)
  }

  /// One line for each run of samples that are present.
  private func draw(_ history: TimeSeries, y: (Double) -> Double, on picture: inout SVGDocument) {
    var run: [(x: Double, y: Double)] = []
    for (index, value) in history.values.enumerated() {
      if value.isFinite {
        run.append((x(history.instant(at: index)), y(value)))
      } else {
        picture.line(run, color: Self.loadColor, width: 2)
        run = []
      }
    }
    picture.line(run, color: Self.loadColor, width: 2)
  }

  /// `p10–p90`, for the band's levels.
  private var bandName: String {
    func percent(_ level: Double) -> String { "p" + SVGDocument.roundText((level * 1000).rounded() / 10) }
    guard let low = paths.first, let high = paths.last, paths.count > 1 else { return "" }
    return "\(percent(low.level))–\(percent(high.level))"
  }

  private func legend(on picture: inout SVGDocument, y: Double) {
    var entries = [
      ("measured load", Self.loadColor), ("forecast (dashed)", Self.loadColor), ("planned pods", Self.podColor),
    ]
    if !bandName.isEmpty { entries.append((bandName, Self.bandColor)) }
    for (index, (text, color)) in entries.enumerated() {
      let x = Self.left + Double(index) * 170
      picture.rectangle(x: x, y: y - 8, width: 16, height: 6, color: color)
      picture.text(text, x: x + 22, y: y)
    }
  }
}
