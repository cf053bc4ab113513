import KedastralDaemon

/// A row of small bars: `▁▂▅█▃`. Values that belong together share a scale.
///
///     let scale = Sparkline(largest: 700)
///     scale.text([70, 350, .nan, 700])   // ▁▄ █
struct Sparkline {
  private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// The value of a full bar.
  let largest: Double

  /// A scale for values from 0 to `largest`.
  init(largest: Double) { self.largest = largest }

  /// A scale that holds all of `values`.
  init(for values: [Double]...) { largest = values.joined().filter(\.isFinite).max() ?? 0 }

  /// One bar a value, a space for one that is missing.
  func text(_ values: some Sequence<Double>) -> String {
    String(
      values.map { value in
        guard value.isFinite else { return " " }
        guard largest > 0 else { return Self.bars[0] }
        let level = (min(max(0, value / largest), 1) * 8).rounded(.up)
        return Self.bars[max(0, Int(level) - 1)]
      })
  }

  /// As many values as there is room for: the largest of those that fall together, so that a peak is never lost.
  static func fitted(_ values: [Double], width: Int) -> [Double] {
    guard width > 0 else { return [] }
    guard values.count > width else { return values }
    return (0..<width).map { column in
      let group = values[(column * values.count / width)..<((column + 1) * values.count / width)]
      return group.filter(\.isFinite).max() ?? .nan
    }
  }
}
