import KedastralDaemon

/// An SVG drawing, built element by element.
///
///     var picture = SVGDocument(width: 800, height: 300, title: "Load")
///     picture.line([(0, 0), (800, 300)], color: "#36c")
struct SVGDocument {
  private var body = ""
  private let head: String

  init(width: Double, height: Double, title: String) {
    head = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width.shortPixel) \(height.shortPixel)" width="\(width.shortPixel)" height="\(height.shortPixel)" font-family="system-ui, sans-serif" font-size="12" fill="#222" role="img">
      <title>\(title.escapedForMarkup)</title>
      <rect width="100%" height="100%" fill="#fff"/>

      """
  }

  /// The file.
  var bytes: [UInt8] { Array((head + body + "</svg>\n").utf8) }

  mutating func line(_ points: [(x: Double, y: Double)], color: String, width: Double = 1.5, dashes: String? = nil) {
    guard let first = points.first else { return }
    var path = "M\(first.x.shortPixel) \(first.y.shortPixel)"
    for point in points.dropFirst() { path += "L\(point.x.shortPixel) \(point.y.shortPixel)" }
    let dash = dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
    body +=
      "<path d=\"\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"\(width.shortPixel)\" stroke-linejoin=\"round\"\(dash)/>\n"
  }

  mutating func area(_ points: [(x: Double, y: Double)], base: Double, color: String) {
    guard let first = points.first, let last = points.last else { return }
    var path = "M\(first.x.shortPixel) \(base.shortPixel)"
    for point in points { path += "L\(point.x.shortPixel) \(point.y.shortPixel)" }
    path += "L\(last.x.shortPixel) \(base.shortPixel)Z"
    body += "<path d=\"\(path)\" fill=\"\(color)\"/>\n"
  }

  mutating func polygon(_ corners: [(x: Double, y: Double)], color: String) {
    guard !corners.isEmpty else { return }
    let points = corners.map { "\($0.x.shortPixel),\($0.y.shortPixel)" }.joined(separator: " ")
    body += "<polygon points=\"\(points)\" fill=\"\(color)\"/>\n"
  }

  mutating func rectangle(x: Double, y: Double, width: Double, height: Double, color: String) {
    body +=
      "<rect x=\"\(x.shortPixel)\" y=\"\(y.shortPixel)\" width=\"\(width.shortPixel)\" height=\"\(height.shortPixel)\" fill=\"\(color)\"/>\n"
  }

  mutating func dot(x: Double, y: Double, color: String, note: String) {
    body +=
      "<circle cx=\"\(x.shortPixel)\" cy=\"\(y.shortPixel)\" r=\"3\" fill=\"\(color)\"><title>\(note.escapedForMarkup)</title></circle>\n"
  }

  mutating func text(
    _ text: String, x: Double, y: Double, anchor: String = "start", color: String = "#222", isBold: Bool = false
  ) {
    let weight = isBold ? " font-weight=\"600\"" : ""
    body +=
      "<text x=\"\(x.shortPixel)\" y=\"\(y.shortPixel)\" text-anchor=\"\(anchor)\" fill=\"\(color)\"\(weight)>\(text.escapedForMarkup)</text>\n"
  }
}

extension SVGDocument {
  /// About five round numbers from 0 to a limit.
  static func roundValues(upTo limit: Double) -> [Double] {
    guard limit > 0, limit.isFinite else { return [0] }
    var power = 1.0
    while power * 10 <= limit / 5 { power *= 10 }
    while power > limit / 5 { power /= 10 }
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= limit / 5 } ?? power * 10
    return (0...Int(limit / step)).map { Double($0) * step }
  }

  /// A number without needless decimals.
  static func roundText(_ number: Double) -> String {
    number == number.rounded() && number < 100_000 ? number.text(0) : number.loadText
  }
}

extension Double {
  /// A coordinate, rounded to a tenth of a pixel.
  fileprivate var shortPixel: String {
    let text = self.text(1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

extension String {
  /// The text as content or attribute value of SVG and HTML.
  var escapedForMarkup: String {
    reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }
}
