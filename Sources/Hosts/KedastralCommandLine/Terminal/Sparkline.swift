import KedastralDaemon

/// A row of small bars: `▁▂▅█▃`. Values that are compared share a scale.
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

  /// One bar per value, a space for a missing one.
  func text(_ values: some Sequence<Double>) -> String {
    String(
      values.map { value in
        guard value.isFinite else { return " " }
        guard largest > 0 else { return Self.bars[0] }
        let level = (min(max(0, value / largest), 1) * 8).rounded(.up)
        return Self.bars[max(0, Int(level) - 1)]
      })
  }

  /// At most one bar per column: the largest value of each column, so that no peak is lost.
  static func fitted(_ values: [Double], width: Int) -> [Double] {
    guard width > 0 else { return [] }
    guard values.count > width else { return values }
    return (0..<width).map { column in
      let group = values[(column * values.count / width)..<((column + 1) * values.count / width)]
      return group.filter(\.isFinite).max() ?? .nan
    }
  }
}
