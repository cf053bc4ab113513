import Foundation
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralModels

@Suite("Numerics")
struct NumericsTests {
  @Test("the autocorrelation by FFT equals the one by definition")
  func autocorrelation() {
    var generator = SyntheticLoad.Generator(seed: 5)
    let values = (0..<100).map { _ in generator.noise() }
    let energy = values.reduce(0) { $0 + $1 * $1 }
    for (lag, correlation) in FourierTransform.autocorrelation(of: values, maximumLag: 30).enumerated() {
      let direct = (0..<100 - lag).reduce(0) { $0 + values[$1] * values[$1 + lag] } / energy
      #expect(abs(correlation - direct) < 1e-12)
    }
  }

  @Test("quantiles interpolate as R's type 7 and numpy's default do")
  func quantiles() {
    let sorted = [1.0, 2, 4, 8]
    #expect(OrderStatistics.quantile(0.5, ofSorted: sorted) == 3)
    #expect(abs(OrderStatistics.quantile(0.9, ofSorted: sorted) - 6.8) < 1e-12)
    #expect(OrderStatistics.quantile(1, ofSorted: sorted) == 8)
    #expect(OrderStatistics.median([.nan, 3, 1]) == 2)
  }

  @Test("solves normal equations, and sets an unknown to zero that the others explain")
  func solve() {
    var matrix = DesignMatrix(rowCount: 3, columnCount: 2)
    for (row, values) in [[1.0, 1], [2, 1], [4, 1]].enumerated() { matrix.setRow(row, values) }
    let equations = matrix.normalEquations(
      weights: DesignMatrix.pack([1, 1, 1]), targets: DesignMatrix.pack([5, 7, 11]), groups: 0..<1)
    let solution = equations.solved(penalties: [0, 0])
    #expect(abs(solution[0] - 2) < 1e-6)
    #expect(abs(solution[1] - 3) < 1e-6)
    #expect(NormalEquations(size: 2).solved(penalties: [0, 0]).allSatisfy { $0.isFinite })
  }

  @Test("the absolute-error line ignores an outlier that pulls the least-squares line away")
  func leastAbsolute() {
    let rows = (0..<20).map { Double($0) }
    var matrix = DesignMatrix(rowCount: 20, columnCount: 2)
    for (row, value) in rows.enumerated() { matrix.setRow(row, [value, 1]) }
    var targets = rows.map { 3 * $0 + 1 }
    targets[18] = 1000
    let ones = DesignMatrix.pack(Array(repeating: 1, count: 20))
    let fit = LeastAbsoluteRegression.fit(
      matrix, targets: DesignMatrix.pack(targets), rowWeights: ones, penalties: [0, 0], iterations: 30)
    #expect(abs(fit.coefficients[0] - 3) < 0.02)
  }
}
