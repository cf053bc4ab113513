/// Recursive least squares with exponential forgetting (Ljung & Söderström 1983).
///
/// Finds `weights` such that `weights · x` is near `y`, in O(n²) an observation. Forgetting alone would let the gain grow
/// without limit along directions in which nothing is observed for long; so its trace has a bound.
struct RecursiveLeastSquares: Sendable {
  /// The coefficients of the features.
  private(set) var weights: [Double]
  /// The inverse of the features' weighted second moments, row by row.
  private var gain: [Double]
  private let forgetting: Double
  private static let largestTrace = 10_000.0

  /// Starts with `weights` and as good as no trust in them, for features of about the size 1.
  ///
  /// - Parameter forgetting: the weight of an observation relative to the next one, slightly below 1.
  init(weights: [Double], forgetting: Double) {
    self.weights = weights
    self.forgetting = forgetting
    gain = Array(repeating: 0, count: weights.count * weights.count)
    for index in weights.indices { gain[index * weights.count + index] = 1 }
  }

  /// The expected value for `features`.
  func value(_ features: [Double]) -> Double {
    var sum = 0.0
    for index in weights.indices { sum += weights[index] * features[index] }
    return sum
  }

  /// Updates the weights with the observation `target` for `features`.
  mutating func learn(_ features: [Double], target: Double) {
    let size = weights.count
    let error = target - value(features)
    var direction = Array(repeating: 0.0, count: size)
    for row in 0..<size {
      for column in 0..<size { direction[row] += gain[row * size + column] * features[column] }
    }
    var spread = forgetting
    for index in 0..<size { spread += features[index] * direction[index] }
    guard spread.isFinite, spread > 0, error.isFinite else { return }
    var trace = 0.0
    for row in 0..<size {
      weights[row] += direction[row] / spread * error
      for column in 0..<size {
        gain[row * size + column] =
          (gain[row * size + column] - direction[row] * direction[column] / spread) / forgetting
      }
      trace += gain[row * size + row]
    }
    guard trace > Self.largestTrace else { return }
    for index in gain.indices { gain[index] *= Self.largestTrace / trace }
  }

  /// The weights and the lower half of the gain.
  var numbers: [Float] {
    let size = weights.count
    return weights.map { Float($0) } + (0..<size).flatMap { row in (0...row).map { Float(gain[row * size + $0]) } }
  }

  /// Resumes from the `numbers` of another one with the same number of weights.
  mutating func takeUp(_ numbers: [Float]) {
    let size = weights.count
    precondition(numbers.count == size + size * (size + 1) / 2, "as many numbers as there were")
    weights = numbers.prefix(size).map { Double($0) }
    var place = size
    for row in 0..<size {
      for column in 0...row {
        // Rounding must not make the gain of any direction negative.
        let kept = Double(numbers[place]) * (row == column ? 1 + 1e-5 : 1)
        gain[row * size + column] = kept
        gain[column * size + row] = kept
        place += 1
      }
    }
  }
}
