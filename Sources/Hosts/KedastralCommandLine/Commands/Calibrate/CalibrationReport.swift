import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralHTTP

/// The result of a calibration, in words with a small picture, as JSON, or as the line for the configuration.
struct CalibrationReport {
  private let calibration: CapacityCalibration
  private let days: Double
  private let workload: String?

  init(_ calibration: CapacityCalibration, days: Double, workload: String? = nil) {
    self.calibration = calibration
    self.days = days
    self.workload = workload
  }

  func text(_ format: CalibrationFormat, style: TextStyle, width: Int) -> String {
    switch format {
    case .json: String(decoding: json, as: UTF8.self)
    case .yaml: yaml
    case .table: lines(style, width: width).joined(separator: "\n")
    }
  }

  private var wanted: String { Self.words(calibration.measure) }

  private func lines(_ style: TextStyle, width: Int) -> [String] {
    let interval = calibration.interval
    var lines = [
      style(
        "A pod carries \(calibration.capacity.threeDigits) at \(wanted) (95 % interval: \(interval.lowerBound.threeDigits) … \(interval.upperBound.threeDigits))",
        .heading),
      "from \(calibration.samples.count) samples of \(days.shortText) days; saturation up to \(calibration.peak.percent(0)) (99th percentile)",
    ]
    if calibration.isExtrapolated {
      lines.append(
        style(
          "the pods carried less than this in 99 % of the samples: the value continues the line beyond them", .warning))
    }
    lines += [""] + ScatterText(calibration, width: min(72, max(30, width - 12))).lines + ["", yaml]
    return lines
  }

  /// The line for the workload's configuration.
  var yaml: String {
    let interval = calibration.interval
    return
      "policy: {targetPerPod: \(calibration.targetPerPod.shortText)}  # \(interval.lowerBound.threeDigits) … \(interval.upperBound.threeDigits) at \(wanted), from \(days.shortText) days"
  }

  private var json: [UInt8] {
    var text = JSONText()
    text.object {
      if let workload { $0.member("workload", workload) }
      $0.member("targetPerPod", calibration.targetPerPod)
      $0.member("capacity", calibration.capacity)
      $0.member("low", calibration.interval.lowerBound)
      $0.member("high", calibration.interval.upperBound)
      switch calibration.measure {
      case .share(let wanted): $0.member("saturation", wanted)
      case .latency(let wanted): $0.member("latencySeconds", wanted)
      }
      $0.member("peakSaturation", calibration.peak)
      $0.member("isExtrapolated", calibration.isExtrapolated)
      $0.member("samples", Double(calibration.samples.count))
      $0.member("days", days)
    }
    return text.bytes
  }

  /// What is wanted, in words.
  static func words(_ measure: CapacityCalibration.Measure) -> String {
    switch measure {
    case .share(let wanted): "\((wanted * 100).shortText) % saturation"
    case .latency(let wanted): "a latency of \(DurationText.format(.seconds(wanted)))"
    }
  }

  /// Why there is no result, and what to do.
  static func words(_ refusal: CapacityCalibration.Refusal, measure: CapacityCalibration.Measure) -> String {
    let reason =
      switch refusal {
      case .tooFew(let samples, let days):
        "there are \(samples) samples over \(days.text(1)) days in which load, pods and saturation are known, expected at least \(CapacityCalibration.leastSamples) over \(CapacityCalibration.leastDays.shortText) days; query more days, or a shorter --step"
      case .neverBusy(let peak):
        "the pods were never above \(CapacityCalibration.leastPeak.percent(0)) saturation (99th percentile: \(peak.percent(0))), so the load at \(words(measure)) would be a guess; run it again after days with fewer pods, or after a load test"
      case .changed(let instant, let before, let after):
        "the relation between load and saturation changed at about \(Timestamp.format(instant)), for example with a deploy: a pod carried \(before.threeDigits) at \(words(measure)) before, and \(after.threeDigits) after it; use only what came later with --days, once it covers \(CapacityCalibration.leastDays.shortText) days"
      case .unrelated:
        "the saturation does not grow with the load for each pod; is it the saturation of the same pods, and not limited by something else?"
      case .belowIdle(let latency):
        "\(words(measure)) is not above the latency without load, \(DurationText.format(.seconds(latency))); choose a longer one with --at"
      case .tooWide(let low, let high):
        "the load at \(words(measure)) could be anything from \(low.threeDigits) to \(high > 1e300 ? "no limit" : high.threeDigits); query more days, or a query that measures the saturation of these pods alone"
      }
    return "the data cannot tell what a pod carries: \(reason)"
  }
}

extension Double {
  /// With three significant digits.
  var threeDigits: String {
    switch magnitude {
    case 100...: text(0)
    case 10...: text(1)
    case 1...: text(2)
    case 0.1...: text(3)
    default: self == 0 ? "0" : text(5)
    }
  }
}

/// Samples as dots in a terminal: the load per pod to the right, the measurement upwards, the fitted line and the result.
struct ScatterText {
  private static let height = 12

  let lines: [String]

  init(_ calibration: CapacityCalibration, width: Int) {
    let frame = CalibrationFrame(calibration)
    var counts = Array(repeating: Array(repeating: 0, count: width), count: Self.height)
    func column(_ load: Double) -> Int { Int(load / frame.largestLoad * Double(width)) }
    func row(_ figure: Double) -> Int { Self.height - 1 - Int(figure / frame.largestFigure * Double(Self.height)) }
    for sample in calibration.samples {
      let (row, column) = (row(sample.figure), column(sample.loadPerPod))
      if counts.indices.contains(row), (0..<width).contains(column) { counts[row][column] += 1 }
    }
    let most = max(1, counts.joined().max() ?? 1)
    var grid = counts.map { $0.map { $0 == 0 ? " " : $0 * 8 > most ? "•" : "·" } }
    for column in 0..<width {
      let load = (Double(column) + 0.5) / Double(width) * frame.largestLoad
      let row = row(calibration.measure.figure(calibration.line, at: load))
      if grid.indices.contains(row) { grid[row][column] = "─" }
    }
    let (wantedRow, wantedColumn) = (row(calibration.measure.wanted), column(calibration.capacity))
    if grid.indices.contains(wantedRow), (0..<width).contains(wantedColumn) { grid[wantedRow][wantedColumn] = "◆" }
    var lines = grid.enumerated().map { index, cells in
      let label =
        index == 0
        ? frame.label(frame.largestFigure) : index == wantedRow ? frame.label(calibration.measure.wanted) : ""
      return String(repeating: " ", count: max(0, 7 - label.count)) + label + " │" + cells.joined()
    }
    let capacity = calibration.capacity.threeDigits
    let mark = max(0, min(wantedColumn - capacity.count / 2, width - capacity.count))
    lines.append("      0 └" + String(repeating: "─", count: width))
    lines.append(String(repeating: " ", count: 9 + mark) + capacity + " for each pod")
    self.lines = lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

/// The axes of a calibration's pictures: both begin at 0 and hold the samples and the result.
struct CalibrationFrame {
  let largestLoad: Double
  let largestFigure: Double
  private let measure: CapacityCalibration.Measure

  init(_ calibration: CapacityCalibration) {
    measure = calibration.measure
    let loads = calibration.samples.map(\.loadPerPod) + [calibration.interval.upperBound]
    let figures = calibration.samples.map(\.figure).sorted()
    largestLoad = (loads.max() ?? 1) * 1.05
    // One extreme latency must not press the others to the ground.
    let high = figures[min(figures.count - 1, figures.count * 995 / 1000)]
    largestFigure = max(high, measure.wanted) * 1.1
  }

  /// A measurement on the axis.
  func label(_ figure: Double) -> String {
    switch measure {
    case .share: figure.percent(0)
    case .latency: DurationText.format(.milliseconds(Int((figure * 1000).rounded())))
    }
  }
}
