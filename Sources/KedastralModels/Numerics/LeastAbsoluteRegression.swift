/// Regression on the absolute error by iteratively reweighted least squares (Schlossmacher 1973), with a ridge penalty.
///
/// The absolute error makes the fit one of the median: a few outliers do not move it.
enum LeastAbsoluteRegression {
  /// A fit: coefficients, residuals, and the weights of the last iteration.
  struct Fit {
    var coefficients: [Double]
    var residuals: DesignMatrix.Column
    var weights: DesignMatrix.Column
  }

  /// Fits `targets`, beginning with `weights`.
  ///
  /// - Parameters:
  ///   - rowWeights: how much each row counts; 1 on average.
  ///   - weights: the weights of the first iteration, for instance of a similar fit; `rowWeights` when there is none.
  ///   - equations: the normal equations of the first iteration, when they are known already.
  ///   - penalties: the ridge penalty of each coefficient, as a share of the row count.
  static func fit(
    _ matrix: DesignMatrix, targets: DesignMatrix.Column, rowWeights: DesignMatrix.Column,
    weights: DesignMatrix.Column? = nil, equations: NormalEquations? = nil, penalties: [Double], iterations: Int
  ) -> Fit {
    let groups = 0..<matrix.groupCount
    let scaled = penalties.map { $0 * Double(matrix.rowCount) }
    var fit = Fit(coefficients: [], residuals: targets, weights: weights ?? rowWeights)
    for iteration in 0..<iterations {
      let known = iteration == 0 ? equations : nil
      fit.coefficients =
        (known ?? matrix.normalEquations(weights: fit.weights, targets: targets, groups: groups))
        .solved(penalties: scaled)
      fit.residuals = matrix.residuals(of: targets, fit.coefficients, groups: groups)
      fit.weights = Self.weights(for: fit.residuals, rowWeights: rowWeights, rowCount: matrix.rowCount)
    }
    return fit
  }

  /// Row weights over absolute residuals, bounded near zero and 1 on average.
  static func weights(
    for residuals: DesignMatrix.Column, rowWeights: DesignMatrix.Column, rowCount: Int
  ) -> DesignMatrix.Column {
    let count = Double(max(1, rowCount))
    let mean = residuals.reduce(into: SIMD8<Double>.zero) { $0 += magnitude($1) }.sum() / count
    let least = SIMD8(repeating: 1e-2 * mean + 1e-12)
    var weights = rowWeights
    var total = SIMD8<Double>.zero
    for group in weights.indices {
      let size = magnitude(residuals[group])
      weights[group] /= size.replacing(with: least, where: size .< least)
      total += weights[group]
    }
    let scale = count / max(total.sum(), .leastNormalMagnitude)
    for group in weights.indices { weights[group] *= scale }
    return weights
  }

  /// The mean absolute residual, by row weights.
  static func loss(_ residuals: DesignMatrix.Column, rowWeights: DesignMatrix.Column, groups: Range<Int>) -> Double {
    var sum = SIMD8<Double>.zero
    for group in groups { sum += magnitude(residuals[group]) * rowWeights[group] }
    return sum.sum()
  }

  static func magnitude(_ vector: SIMD8<Double>) -> SIMD8<Double> {
    vector.replacing(with: -vector, where: vector .< 0)
  }
}
