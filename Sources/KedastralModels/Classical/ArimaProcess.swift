import KedastralCore

/// A stationary ARMA process, seasonal factors multiplied out: `x[t] = Σ ar[i]·x[t−1−i] + e[t] + Σ ma[i]·e[t−1−i]`.
struct ArimaProcess {
  let ar: [Double]
  let ma: [Double]

  /// Expands the factors `(1 − Σ ar·B^i)(1 − Σ seasonalAR·B^(s·i))` and `(1 + Σ ma·B^i)(1 + Σ seasonalMA·B^(s·i))`.
  init(ar: [Double], ma: [Double], seasonalAR: [Double], seasonalMA: [Double], season: Int) {
    func product(_ short: [Double], _ long: [Double], sign: Double) -> [Double] {
      var result = Array(repeating: 0.0, count: short.count + season * long.count + 1)
      for (i, a) in ([1] + short.map { sign * $0 }).enumerated() {
        for (j, b) in ([1] + long.map { sign * $0 }).enumerated() { result[i + season * j] += a * b }
      }
      return result.dropFirst().map { sign * $0 }
    }
    self.ar = product(ar, seasonalAR, sign: -1)
    self.ma = product(ma, seasonalMA, sign: 1)
  }

  /// Coefficients of a stationary autoregression from any numbers, by way of partial autocorrelations (Monahan 1984).
  static func stationary(_ free: ArraySlice<Double>) -> [Double] {
    var coefficients: [Double] = []
    for number in free {
      let partial = 0.999 * number / (1 + number * number).squareRoot()
      let before = coefficients
      for index in before.indices { coefficients[index] = before[index] - partial * before[before.count - 1 - index] }
      coefficients.append(partial)
    }
    return coefficients
  }

  /// The result of a pass over data.
  struct Pass {
    /// Twice the negative log-likelihood with the variance at its best value, constants left out.
    var deviance: Double
    /// The innovations' variance.
    var variance: Double
    /// The expected values after the data.
    var forecast: [Double]
  }

  /// The largest state for which the likelihood is exact; longer seasons use the conditional one.
  static let largestState = 26

  /// Whether the state is small enough for the exact likelihood.
  var isSmall: Bool { max(ar.count, ma.count + 1) <= Self.largestState }

  /// Runs over mean-free `values`: exactly by the Kalman filter (Harvey 1989) when the state is small, else conditional on zero
  /// errors before the first sample.
  func run(_ values: [Double], steps: Int) -> Pass {
    isSmall ? exact(values, steps: steps) : conditional(values, steps: steps)
  }

  /// Runs over mean-free `values`, conditional on zero errors before the first sample (Box & Jenkins 1970).
  func conditional(_ values: [Double], steps: Int) -> Pass {
    let arTerms = ar.enumerated().filter { $0.element != 0 }
    let maTerms = ma.enumerated().filter { $0.element != 0 }
    var series = values
    var errors: [Double] = []
    var squares = 0.0
    for index in 0..<values.count + steps {
      var expected = 0.0
      for (lag, value) in arTerms where index > lag { expected += value * series[index - 1 - lag] }
      for (lag, value) in maTerms where index > lag { expected += value * errors[index - 1 - lag] }
      if index < values.count {
        // The first samples have too little behind them to be judged.
        let error = index < min(ar.count, values.count / 2) ? 0 : values[index] - expected
        errors.append(error)
        squares += error * error
      } else {
        series.append(expected)
        errors.append(0)
      }
    }
    let used = Double(max(1, values.count - min(ar.count, values.count / 2)))
    let variance = max(squares / used, 1e-300)
    return Pass(
      deviance: used * naturalLogarithm(variance), variance: variance, forecast: Array(series.suffix(steps)))
  }

  /// Runs over mean-free `values` by the Kalman filter.
  func exact(_ values: [Double], steps: Int) -> Pass {
    let size = max(ar.count, ma.count + 1)
    let phi = ar + Array(repeating: 0, count: size - ar.count)
    let load = [1] + ma + Array(repeating: 0, count: size - 1 - ma.count)
    var covariance = stationaryCovariance(phi, load)
    var state = Array(repeating: 0.0, count: size)
    var (squares, logs) = (0.0, 0.0)
    var (spread, isSteady) = (0.0, false)
    var gain = Array(repeating: 0.0, count: size)
    for value in values {
      let error = value - state[0]
      if !isSteady {
        spread = max(covariance[0], 1e-12)
        for row in 0..<size { gain[row] = covariance[row * size] / spread }
      }
      squares += error * error / spread
      logs += naturalLogarithm(spread)
      let updated = (0..<size).map { state[$0] + gain[$0] * error }
      for row in 0..<size { state[row] = phi[row] * updated[0] + (row + 1 < size ? updated[row + 1] : 0) }
      if !isSteady {
        let before = spread
        var posterior = covariance
        for row in 0..<size {
          for column in 0..<size { posterior[row * size + column] -= gain[row] * covariance[column] }
        }
        covariance = advanced(posterior, phi, load)
        // Once the prediction variance stands still at that of the innovations, so does the gain.
        isSteady = abs(covariance[0] - before) < 1e-13 * before && abs(covariance[0] - 1) < 1e-9
        if isSteady {
          spread = covariance[0]
          for row in 0..<size { gain[row] = covariance[row * size] / spread }
        }
      }
    }
    let count = Double(max(1, values.count))
    let variance = max(squares / count, 1e-300)
    var forecast: [Double] = []
    for _ in 0..<steps {
      forecast.append(state[0])
      let before = state
      for row in 0..<size { state[row] = phi[row] * before[0] + (row + 1 < size ? before[row + 1] : 0) }
    }
    return Pass(deviance: count * naturalLogarithm(variance) + logs, variance: variance, forecast: forecast)
  }

  /// `T·P·Tᵀ + R·Rᵀ` for the companion matrix T of `phi`.
  private func advanced(_ covariance: [Double], _ phi: [Double], _ load: [Double]) -> [Double] {
    let size = phi.count
    func entry(_ row: Int, _ column: Int) -> Double {
      row < size && column < size ? covariance[row * size + column] : 0
    }
    var result = covariance
    for row in 0..<size {
      for column in 0..<size {
        let corner = phi[row] * phi[column] * covariance[0]
        let edges = phi[row] * entry(0, column + 1) + phi[column] * entry(row + 1, 0)
        result[row * size + column] = corner + edges + entry(row + 1, column + 1) + load[row] * load[column]
      }
    }
    return result
  }

  /// The solution of `P = T·P·Tᵀ + R·Rᵀ`, by doubling (Anderson & Moore 1979).
  private func stationaryCovariance(_ phi: [Double], _ load: [Double]) -> [Double] {
    let size = phi.count
    var transition = Array(repeating: 0.0, count: size * size)
    for row in 0..<size {
      transition[row * size] = phi[row]
      if row + 1 < size { transition[row * size + row + 1] = 1 }
    }
    var covariance = Array(repeating: 0.0, count: size * size)
    for row in 0..<size { for column in 0..<size { covariance[row * size + column] = load[row] * load[column] } }
    for _ in 0..<30 {
      let half = product(transition, covariance, size, transposed: false)
      let more = product(half, transition, size, transposed: true)
      var change = 0.0
      for index in covariance.indices {
        covariance[index] += more[index]
        change = max(change, abs(more[index]))
      }
      guard change > 1e-14 * abs(covariance[0]), change.isFinite else { break }
      transition = product(transition, transition, size, transposed: false)
    }
    return covariance
  }

  private func product(_ left: [Double], _ right: [Double], _ size: Int, transposed: Bool) -> [Double] {
    var result = Array(repeating: 0.0, count: size * size)
    for row in 0..<size {
      for inner in 0..<size where left[row * size + inner] != 0 {
        let factor = left[row * size + inner]
        for column in 0..<size {
          result[row * size + column] +=
            factor * (transposed ? right[column * size + inner] : right[inner * size + column])
        }
      }
    }
    return result
  }
}
