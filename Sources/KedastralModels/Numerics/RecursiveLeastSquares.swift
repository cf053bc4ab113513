/// Recursive least squares with exponential forgetting (Ljung & Söderström 1983).
///
/// Finds `weights` such that `weights · x` is near `y`, in O(n²) an observation. Forgetting alone would let the gain grow
/// without limit along directions in which nothing is observed for long; so its trace has a bound.
struct RecursiveLeastSquares: Sendable {
  /// The number of features.
  private let size: Int
  /// The coefficients of the features, then the gain, row by row without what lies above the diagonal: the inverse of the features'
  /// weighted second moments, which is symmetric.
  private var values: [Double]
  private let forgetting: Double
  private static let largestTrace = 10_000.0

  /// Starts with `weights` and as good as no trust in them, for features of about the size 1.
  ///
  /// - Parameter forgetting: the weight of an observation relative to the next one, slightly below 1.
  init(weights: [Double], forgetting: Double) {
    size = weights.count
    self.forgetting = forgetting
    values = weights + Array(repeating: 0, count: size * (size + 1) / 2)
    for index in 0..<size { values[place(index, index)] = 1 }
  }

  /// Where the gain at a row, and at a column up to it, lies.
  private func place(_ row: Int, _ column: Int) -> Int { size + row * (row + 1) / 2 + column }

  /// The expected value for `features`.
  func value(_ features: [Double]) -> Double {
    var sum = 0.0
    for index in 0..<size { sum += values[index] * features[index] }
    return sum
  }

  /// Updates the weights with the observation `target` for `features`.
  mutating func learn(_ features: [Double], target: Double) {
    let error = target - value(features)
    var direction = Array(repeating: 0.0, count: size)
    for row in 0..<size {
      for column in 0..<size {
        direction[row] += values[place(max(row, column), min(row, column))] * features[column]
      }
    }
    var spread = forgetting
    for index in 0..<size { spread += features[index] * direction[index] }
    guard spread.isFinite, spread > 0, error.isFinite else { return }
    var trace = 0.0
    for row in 0..<size {
      values[row] += direction[row] / spread * error
      for column in 0...row {
        let place = place(row, column)
        values[place] = (values[place] - direction[row] * direction[column] / spread) / forgetting
      }
      trace += values[place(row, row)]
    }
    guard trace > Self.largestTrace else { return }
    for index in size..<values.count { values[index] *= Self.largestTrace / trace }
  }

  /// The weights and the lower half of the gain.
  var numbers: [Float] { values.map { Float($0) } }

  /// Resumes from the `numbers` of another one with the same number of weights.
  mutating func takeUp(_ numbers: [Float]) {
    precondition(numbers.count == values.count, "as many numbers as there were")
    values = numbers.map { Double($0) }
    // Rounding must not make the gain of any direction negative.
    for index in 0..<size { values[place(index, index)] *= 1 + 1e-5 }
  }
}
