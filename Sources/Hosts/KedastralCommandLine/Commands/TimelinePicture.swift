import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation

/// Load, ready pods and violations over time, one panel for each recorded policy of the first startup.
struct TimelinePicture {
  private static let width = 1200.0
  private static let panelHeight = 190.0
  private static let margin = (left: 60.0, right: 16.0, top: 44.0, bottom: 30.0)

  private let title: String
  private let podCapacity: Double
  private let outcomes: [Replay.Outcome]

  init(_ trace: String, _ replay: Replay, _ outcomes: [Replay.Outcome]) {
    podCapacity = replay.podCapacity
    let startup = outcomes.first?.startup ?? .zero
    self.outcomes = outcomes.filter { $0.startup == startup && !$0.records.isEmpty }
    title = "\(trace), pods start in \(DurationText.format(startup)); times in UTC"
  }

  /// The picture.
  var svg: [UInt8] {
    let height = Self.margin.top + Double(outcomes.count) * (Self.panelHeight + Self.margin.bottom) + 6
    var picture = SVGDocument(width: Self.width, height: height, title: title)
    picture.text(title, x: Self.margin.left, y: 18, isBold: true)
    picture.rectangle(x: 520, y: 9, width: 14, height: 10, color: "#cfd8e6")
    picture.text("load", x: 540, y: 18)
    picture.rectangle(x: 590, y: 13, width: 14, height: 2, color: "#1f5fbf")
    picture.text("capacity of the ready pods", x: 610, y: 18)
    picture.rectangle(x: 800, y: 9, width: 14, height: 10, color: "#d1352b")
    picture.text("load above the capacity", x: 820, y: 18)
    for (index, outcome) in outcomes.enumerated() {
      draw(outcome, top: Self.margin.top + Double(index) * (Self.panelHeight + Self.margin.bottom), on: &picture)
    }
    return picture.bytes
  }

  private func draw(_ outcome: Replay.Outcome, top: Double, on picture: inout SVGDocument) {
    let records = outcome.records
    guard let first = records.first, let last = records.last else { return }
    let columns = Columns(
      records, count: Int(Self.width - Self.margin.left - Self.margin.right), podCapacity: podCapacity)
    let largest = max(columns.largest, podCapacity) * 1.05
    let base = top + Self.panelHeight
    func y(_ load: Double) -> Double { base - load / largest * (Self.panelHeight - 22) }
    func x(_ column: Int) -> Double { Self.margin.left + Double(column) }

    for load in SVGDocument.roundValues(upTo: largest) {
      picture.line(
        [(Self.margin.left, y(load)), (Self.width - Self.margin.right, y(load))], color: "#e9edf3", width: 1)
      picture.text(
        SVGDocument.roundText(load), x: Self.margin.left - 6, y: y(load) + 4, anchor: "end", color: "#666")
    }
    picture.area(columns.loads.enumerated().map { (x($0), y($1)) }, base: base, color: "#cfd8e6")
    for (column, load) in columns.shortLoads.enumerated() where load > 0 {
      let served = y(columns.capacities[column])
      picture.rectangle(x: x(column), y: y(load), width: 1, height: max(1.5, served - y(load)), color: "#d1352b")
      picture.rectangle(x: x(column), y: base + 1, width: 1, height: 4, color: "#d1352b")
    }
    picture.line(columns.capacities.enumerated().map { (x($0), y($1)) }, color: "#1f5fbf", width: 1.2)
    picture.line([(Self.margin.left, base), (Self.width - Self.margin.right, base)], color: "#888", width: 1)

    let figures = outcome.figures
    picture.text(
      "\(outcome.policy)\(outcome.knob.isEmpty ? "" : " (\(outcome.knob))"): \(figures.violationMinutes.text(0)) violation minutes (\(figures.violationShare.percent(2))), \(figures.podHours.text(0)) pod-hours (\(figures.oracleRatio.text(2)) × oracle)",
      x: Self.margin.left, y: top + 12)
    let most = SVGDocument.roundValues(upTo: largest / podCapacity).last { $0 >= 1 } ?? 1
    picture.text(
      "\(most.text(0)) pod\(most == 1 ? "" : "s")", x: Self.width - Self.margin.right - 4, y: y(most * podCapacity) - 4,
      anchor: "end", color: "#1f5fbf")
    drawDays(from: first.instant, to: last.instant, base: base, on: &picture)
  }

  /// A tick and a date at each midnight (UTC); at every few midnights for long spans.
  private func drawDays(from start: Date, to end: Date, base: Double, on picture: inout SVGDocument) {
    let seconds = end.timeIntervalSince(start)
    guard seconds > 0 else { return }
    let step = max(1, (seconds / 86_400 / 12).rounded(.up)) * 86_400
    var midnight = (start.timeIntervalSince1970 / 86_400).rounded(.up) * 86_400
    while midnight <= end.timeIntervalSince1970 {
      let x =
        Self.margin.left + (midnight - start.timeIntervalSince1970) / seconds
        * (Self.width - Self.margin.left - Self.margin.right)
      picture.line([(x, base), (x, base + 6)], color: "#888", width: 1)
      if x < Self.width - 70 {
        picture.text(
          String(Timestamp.format(Date(timeIntervalSince1970: midnight)).prefix(10)), x: x + 3, y: base + 18,
          color: "#666")
      }
      midnight += step
    }
  }

  /// Records merged per pixel: the largest load, the smallest capacity, the largest load without a pod.
  private struct Columns {
    var loads: [Double]
    var capacities: [Double]
    var shortLoads: [Double]
    var largest = 0.0

    init(_ records: [Replay.Record], count: Int, podCapacity: Double) {
      let count = max(1, min(count, records.count))
      loads = Array(repeating: 0, count: count)
      capacities = Array(repeating: .infinity, count: count)
      shortLoads = Array(repeating: 0, count: count)
      for (index, record) in records.enumerated() {
        let column = index * count / records.count
        let capacity = Double(record.ready) * podCapacity
        capacities[column] = min(capacities[column], capacity)
        largest = max(largest, capacity)
        guard record.load.isFinite else { continue }
        loads[column] = max(loads[column], record.load)
        largest = max(largest, record.load)
        if record.load > capacity { shortLoads[column] = max(shortLoads[column], record.load) }
      }
    }
  }
}
