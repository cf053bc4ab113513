import KedastralCore
import KedastralEvaluation

/// The samples of a calibration, the line through them, the wanted value and the interval.
struct CalibrationPicture {
  private static let size = (width: 720.0, height: 400.0)
  private static let margin = (left: 64.0, right: 20.0, top: 44.0, bottom: 46.0)
  /// More samples do not show more.
  private static let shownSamples = 800

  private let calibration: CapacityCalibration

  init(_ calibration: CapacityCalibration) { self.calibration = calibration }

  /// The picture.
  var svg: [UInt8] {
    let (size, margin) = (Self.size, Self.margin)
    let frame = CalibrationFrame(calibration)
    let interval = calibration.interval
    let title =
      "A pod carries \(calibration.capacity.threeDigits) at \(CalibrationReport.words(calibration.measure)), 95 % interval \(interval.lowerBound.threeDigits) … \(interval.upperBound.threeDigits)"
    var picture = SVGDocument(width: size.width, height: size.height, title: title)
    func x(_ load: Double) -> Double {
      margin.left + load / frame.largestLoad * (size.width - margin.left - margin.right)
    }
    func y(_ figure: Double) -> Double {
      size.height - margin.bottom - min(figure / frame.largestFigure, 1) * (size.height - margin.top - margin.bottom)
    }
    picture.text(title, x: margin.left, y: 22, isBold: true)
    let top = margin.top
    let base = size.height - margin.bottom
    picture.rectangle(
      x: x(interval.lowerBound), y: top, width: max(1, x(interval.upperBound) - x(interval.lowerBound)),
      height: base - top, color: "#fbe3cd")
    let stride = max(1, calibration.samples.count / Self.shownSamples)
    for index in Swift.stride(from: 0, to: calibration.samples.count, by: stride) {
      let sample = calibration.samples[index]
      picture.rectangle(x: x(sample.loadPerPod) - 1, y: y(sample.figure) - 1, width: 2, height: 2, color: "#7fa6dd")
    }
    let line = (0...100).map { frame.largestLoad * Double($0) / 100 }.map { load in
      (load, calibration.measure.figure(calibration.line, at: load))
    }
    picture.line(
      line.filter { $0.1 >= 0 && $0.1 <= frame.largestFigure }.map { (x($0.0), y($0.1)) }, color: "#1f5fbf", width: 2)
    let wanted = calibration.measure.wanted
    picture.line([(margin.left, y(wanted)), (x(calibration.capacity), y(wanted))], color: "#d9650b", dashes: "4 3")
    picture.line(
      [(x(calibration.capacity), y(wanted)), (x(calibration.capacity), base)], color: "#d9650b", dashes: "4 3")
    picture.line([(margin.left, top), (margin.left, base), (size.width - margin.right, base)], color: "#888", width: 1)
    picture.text(frame.label(wanted), x: margin.left - 6, y: y(wanted) + 4, anchor: "end", color: "#a34700")
    picture.text("0", x: margin.left - 6, y: base + 4, anchor: "end", color: "#666")
    picture.text(
      calibration.capacity.threeDigits, x: x(calibration.capacity), y: base + 16, anchor: "middle", color: "#a34700")
    picture.text("load for each pod", x: size.width - margin.right, y: base + 34, anchor: "end", color: "#666")
    return picture.bytes
  }
}
