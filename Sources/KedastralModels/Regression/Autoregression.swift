import KedastralCore

/// The next sample of a load from its last few, applied step after step.
///
/// It follows rhythms of a few steps that no clock fixes (a job every 25 minutes, a load that alternates), which coefficients per
/// horizon miss where they are interpolated. Its coefficients are the least absolute error's, one step ahead.
struct Autoregression: Sendable, Equatable {
  /// The largest number of samples that it looks at.
  static let mostLags = 36
  /// The number of steps after which a path stays where it is.
  private static let reach = 120
  /// The fewest rows for each coefficient.
  private static let rowsPerLag = 20
  private static let penalty = 1e-4
  private static let iterations = 4

  /// Those of the last samples, the newest first, and the constant.
  let coefficients: [Double]

  /// The number of samples that it looks at.
  var lags: Int { coefficients.count - 1 }

  init(coefficients: [Double]) {
    self.coefficients = coefficients
  }

  /// Fits the samples after some steps of a history.
  ///
  /// - Parameters:
  ///   - indices: the steps, ascending.
  ///   - targets: the samples after them.
  ///   - weights: how much each counts.
  init(_ values: LoadTrail, indices: [Int], targets: [Double], weights: [Double]) {
    let count = min(Self.mostLags, max(1, indices.count / Self.rowsPerLag))
    var matrix = DesignMatrix(rowCount: indices.count, columnCount: count)
    for lag in 0..<count {
      matrix.columns[lag] = DesignMatrix.pack(indices.map { values[max(values.startIndex, $0 - lag)] })
    }
    matrix.columns.append(DesignMatrix.pack(Array(repeating: 1, count: indices.count)))
    coefficients =
      LeastAbsoluteRegression.fit(
        matrix, targets: DesignMatrix.pack(targets), rowWeights: DesignMatrix.pack(weights),
        penalties: Array(repeating: Self.penalty, count: count) + [0], iterations: Self.iterations
      ).coefficients
  }

  /// The next samples after step `index`, none of them beyond `range`.
  func path(after values: LoadTrail, at index: Int, steps: Int, within range: LoadRange) -> [Double] {
    var recent = (0..<lags).map { values[max(values.startIndex, index + 1 - lags + $0)] }
    let computed = min(steps, Self.reach)
    recent.reserveCapacity(lags + computed)
    let constant = coefficients[lags]
    for step in 0..<computed {
      var value = constant
      for lag in 0..<lags { value += coefficients[lag] * recent[lags + step - 1 - lag] }
      recent.append(min(max(value, range.lowest), range.highest))
    }
    recent.removeFirst(lags)
    if computed < steps { recent += Array(repeating: recent.last ?? 0, count: steps - computed) }
    return recent
  }
}
