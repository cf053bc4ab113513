/// The rows of a regression, stored by column and eight rows at a time, so that sums over rows run in vector registers.
///
/// The last group of eight is filled up with zeros; weights of those rows are zero, so that they have no effect.
struct DesignMatrix {
  typealias Column = [SIMD8<Double>]

  /// The deviation below which a column is nearly constant. Scaled to deviation 1, it would get a coefficient by
  /// chance, and a later row in which it varies could be forecast far beyond any load.
  private static let leastDeviation = 0.02

  /// The number of rows.
  let rowCount: Int
  /// One entry per feature.
  var columns: [Column]

  /// The number of groups of eight rows.
  var groupCount: Int { (rowCount + 7) / 8 }

  /// A matrix of zeros.
  init(rowCount: Int, columnCount: Int) {
    self.rowCount = rowCount
    columns = Array(repeating: Array(repeating: .zero, count: (rowCount + 7) / 8), count: columnCount)
  }

  /// Writes one row.
  mutating func setRow(_ row: Int, _ values: [Double]) {
    for column in columns.indices { columns[column][row / 8][row % 8] = values[column] }
  }

  /// Packs values into a column.
  static func pack(_ values: [Double]) -> Column {
    var column = Column(repeating: .zero, count: (values.count + 7) / 8)
    for (index, value) in values.enumerated() { column[index / 8][index % 8] = value }
    return column
  }

  /// The values of a column, without the zeros that fill the last group.
  func unpack(_ column: Column) -> [Double] {
    var values: [Double] = []
    values.reserveCapacity(rowCount)
    for row in 0..<rowCount { values.append(column[row / 8][row % 8]) }
    return values
  }

  /// Brings every column to mean 0 and deviation 1, one that hardly varies to less, and says what was subtracted and divided by.
  mutating func standardise() -> (means: [Double], deviations: [Double]) {
    var means: [Double] = []
    var deviations: [Double] = []
    for index in columns.indices {
      var column = columns[index]
      let mean = column.reduce(SIMD8.zero, +).sum() / Double(max(1, rowCount))
      for group in column.indices { column[group] -= mean }
      for row in rowCount..<column.count * 8 { column[row / 8][row % 8] = 0 }
      let variance = column.reduce(into: SIMD8.zero) { $0 += $1 * $1 }.sum() / Double(max(1, rowCount))
      let deviation = (variance + Self.leastDeviation * Self.leastDeviation).squareRoot()
      for group in column.indices { column[group] /= deviation }
      columns[index] = column
      means.append(mean)
      deviations.append(deviation)
    }
    return (means, deviations)
  }

  /// The weighted normal equations of `targets` on the columns, over some groups of rows.
  func normalEquations(weights: Column, targets: Column, groups: Range<Int>) -> NormalEquations {
    var equations = NormalEquations(size: columns.count)
    var weighted = Column(repeating: .zero, count: groups.upperBound)
    for row in columns.indices {
      let left = columns[row]
      for group in groups { weighted[group] = left[group] * weights[group] }
      for column in row..<columns.count {
        let value = Self.dot(weighted, columns[column], groups)
        equations.matrix[row * columns.count + column] = value
        equations.matrix[column * columns.count + row] = value
      }
      equations.right[row] = Self.dot(weighted, targets, groups)
    }
    return equations
  }

  private static func dot(_ left: Column, _ right: Column, _ groups: Range<Int>) -> Double {
    var sum = SIMD8<Double>.zero
    for group in groups { sum += left[group] * right[group] }
    return sum.sum()
  }

  /// Targets minus what the coefficients give, for some groups of rows; the others keep `initial`.
  func residuals(of targets: Column, _ coefficients: [Double], groups: Range<Int>) -> Column {
    var residuals = targets
    for (column, coefficient) in zip(columns, coefficients) where coefficient != 0 {
      for group in groups { residuals[group] -= column[group] * coefficient }
    }
    return residuals
  }
}

/// A symmetric system of linear equations that can be added up block by block.
struct NormalEquations {
  /// The number of unknowns.
  let size: Int
  /// The matrix, row by row.
  var matrix: [Double]
  /// The right-hand side.
  var right: [Double]

  /// Empty equations.
  init(size: Int) {
    self.size = size
    matrix = Array(repeating: 0, count: size * size)
    right = Array(repeating: 0, count: size)
  }

  static func += (left: inout NormalEquations, other: NormalEquations) {
    for index in left.matrix.indices { left.matrix[index] += other.matrix[index] }
    for index in left.right.indices { left.right[index] += other.right[index] }
  }

  static func - (left: NormalEquations, other: NormalEquations) -> NormalEquations {
    var difference = left
    for index in left.matrix.indices { difference.matrix[index] -= other.matrix[index] }
    for index in left.right.indices { difference.right[index] -= other.right[index] }
    return difference
  }

  /// The solution with `penalties` added to the diagonal, by Cholesky decomposition.
  ///
  /// A pivot that rounding has made non-positive leaves its unknown at zero.
  func solved(penalties: [Double]) -> [Double] {
    var factor = matrix
    var trace = 0.0
    for index in 0..<size { trace += matrix[index * size + index] }
    let jitter = 1e-9 * trace / Double(max(1, size)) + 1e-300
    for index in 0..<size { factor[index * size + index] += penalties[index] + jitter }
    var solution = right
    for column in 0..<size {
      var pivot = factor[column * size + column]
      for k in 0..<column { pivot -= factor[column * size + k] * factor[column * size + k] }
      let root = pivot > 0 ? pivot.squareRoot() : .infinity
      factor[column * size + column] = root
      for row in column + 1..<max(column + 1, size) {
        var value = factor[row * size + column]
        for k in 0..<column { value -= factor[row * size + k] * factor[column * size + k] }
        factor[row * size + column] = value / root
      }
      var value = solution[column]
      for k in 0..<column { value -= factor[column * size + k] * solution[k] }
      solution[column] = value / root
    }
    for row in stride(from: size - 1, through: 0, by: -1) {
      var value = solution[row]
      for k in row + 1..<max(row + 1, size) { value -= factor[k * size + row] * solution[k] }
      solution[row] = value / factor[row * size + row]
    }
    return solution
  }
}
