/// Quantiles of samples.
package enum OrderStatistics {
  /// The `level` quantile of ascending `sorted` values, linear between neighbours (Hyndman & Fan 1996, type 7); NaN if
  /// there are none.
  package static func quantile(_ level: Double, ofSorted sorted: [Double]) -> Double {
    guard let last = sorted.last else { return .nan }
    let position = min(max(0, level), 1) * Double(sorted.count - 1)
    let index = Int(position)
    guard index + 1 < sorted.count else { return last }
    let share = position - Double(index)
    return sorted[index] * (1 - share) + sorted[index + 1] * share
  }

  /// The median of the finite `values`; nil if there are none.
  package static func median(_ values: some Sequence<Double>) -> Double? {
    let sorted = values.filter(\.isFinite).sorted()
    return sorted.isEmpty ? nil : quantile(0.5, ofSorted: sorted)
  }

  /// The quantile of errors that leaves a new error below it with probability `level` at least, for exchangeable errors: the
  /// ⌈level·(n+1)⌉-th smallest of n (Vovk, Gammerman & Shafer 2005), linear between neighbours.
  static func conformalQuantile(_ level: Double, ofSorted sorted: [Double]) -> Double {
    guard let first = sorted.first, let last = sorted.last else { return .nan }
    let position = level * Double(sorted.count + 1) - 1
    if position <= 0 { return first }
    let index = Int(position)
    guard index + 1 < sorted.count else { return last }
    let share = position - Double(index)
    return sorted[index] * (1 - share) + sorted[index + 1] * share
  }
}
