/// Samples in about two bytes each: blocks of 128, each with a grid of its own on which the samples are rounded.
///
/// The spacing of a grid is a power of two, at most a 32,767th of the block's range. So whole numbers with a range below 65,534 stay
/// exact, and so do zeros, and rounding a second time on the same grid changes nothing. A block whose samples would lose more than
/// ``coarsest`` of its mean size, as one spike among small loads causes, is kept in single precision instead.
package struct PackedSamples: Sendable {
  /// The number of samples in a block.
  package static let blockLength = 128
  /// The largest rounding error, as a share of the block's mean size: that of stored histories.
  package static let coarsest = 0x1p-12
  private static let largestCode = 65_534.0
  private static let missing = UInt16.max

  /// Code `c` is the number `(base + c) · unit`.
  private struct Grid: Sendable {
    var base = 0.0
    /// NaN for a block in single precision.
    var unit = Double.nan
  }

  /// The error that is accepted however small a block's samples are.
  private let negligible: Double
  private var codes: [UInt16] = []
  private var grids: [Grid] = []
  /// The blocks in single precision, by their number.
  private var exact: [Int: [Float]] = [:]
  /// The number of the first block.
  private var firstBlock = 0

  /// Creates an empty list.
  ///
  /// - Parameters:
  ///   - negligible: a rounding error that is accepted however small a block's samples are.
  ///   - capacity: the number of samples to reserve space for.
  package init(negligible: Double = 0, capacity: Int = 0) {
    self.negligible = negligible
    let blocks = (capacity + Self.blockLength - 1) / Self.blockLength
    codes.reserveCapacity(blocks * Self.blockLength)
    grids.reserveCapacity(blocks)
  }

  /// The number of samples, a multiple of the block length.
  package var count: Int { codes.count }

  /// The bytes that the samples take.
  package var bytes: Int {
    codes.count * MemoryLayout<UInt16>.size + grids.count * MemoryLayout<Grid>.size
      + exact.count * Self.blockLength * MemoryLayout<Float>.size
  }

  // MARK: Writing

  /// Appends a block; NaN for missing samples.
  ///
  /// - Precondition: there are as many samples as a block has.
  package mutating func append(block samples: some Collection<Double>) {
    precondition(samples.count == Self.blockLength, "a block has \(Self.blockLength) samples")
    let grid = grid(of: samples)
    if grid.unit.isNaN {
      exact[firstBlock + grids.count] = samples.map { Float($0) }
      codes.append(contentsOf: repeatElement(0, count: Self.blockLength))
    } else {
      let scale = 1 / grid.unit
      for sample in samples {
        codes.append(sample.isFinite ? UInt16((sample * scale).rounded() - grid.base) : Self.missing)
      }
    }
    grids.append(grid)
  }

  private func grid(of samples: some Collection<Double>) -> Grid {
    var (lowest, highest, sum, present) = (Double.infinity, -Double.infinity, 0.0, 0.0)
    for sample in samples where sample.isFinite {
      lowest = min(lowest, sample)
      highest = max(highest, sample)
      sum += abs(sample)
      present += 1
    }
    guard present > 0 else { return Grid(base: 0, unit: 1) }
    let range = highest - lowest
    let size = max(abs(lowest), abs(highest))
    // Numbers near the ends of the range of doubles, whose grid could not be computed.
    guard size < 0x1p900, range == 0 || range > 0x1p-900 else { return Grid() }
    guard size > 0x1p-900 else { return size == 0 ? Grid(base: 0, unit: 1) : Grid() }
    // All digits of the largest number at the finest.
    var unit = Double(sign: .plus, exponent: Int(size.exponent) - 52, significand: 1)
    if range > 0 {
      let needed = range / Self.largestCode
      unit = max(unit, Double(sign: .plus, exponent: Int(needed.exponent) + 1, significand: 1))
    }
    let base = (lowest / unit).rounded()
    if (highest / unit).rounded() - base > Self.largestCode { unit *= 2 }
    let allowed = max(negligible, Self.coarsest * sum / present)
    return unit / 2 <= allowed ? Grid(base: (lowest / unit).rounded(), unit: unit) : Grid()
  }

  /// Drops the first blocks.
  package mutating func removeFirst(blocks: Int) {
    guard blocks > 0 else { return }
    codes.removeFirst(blocks * Self.blockLength)
    grids.removeFirst(blocks)
    for block in firstBlock..<firstBlock + blocks { exact[block] = nil }
    firstBlock += blocks
  }

  // MARK: Reading

  /// A sample; NaN where it is missing.
  package subscript(index: Int) -> Double {
    let grid = grids[index / Self.blockLength]
    let code = codes[index]
    let value = (grid.base + Double(code)) * grid.unit
    guard code == Self.missing || grid.unit.isNaN else { return value }
    return grid.unit.isNaN ? single(index) : .nan
  }

  private func single(_ index: Int) -> Double {
    exact[firstBlock + index / Self.blockLength].map { Double($0[index % Self.blockLength]) } ?? .nan
  }

  /// Writes the samples from `first` on to the start of a list, which is at least as long.
  package func unpack(from first: Int, into values: inout [Double]) {
    var index = max(0, first)
    while index < count {
      let end = (index / Self.blockLength + 1) * Self.blockLength
      let (base, unit) = (grids[index / Self.blockLength].base, grids[index / Self.blockLength].unit)
      if unit.isNaN {
        for index in index..<end { values[index - first] = single(index) }
      } else {
        for index in index..<end {
          let code = codes[index]
          values[index - first] = code == Self.missing ? .nan : (base + Double(code)) * unit
        }
      }
      index = end
    }
  }

  /// The sum of a range of samples; NaN when one is missing.
  package func sum(_ range: Range<Int>) -> Double {
    var sum = 0.0
    var index = range.lowerBound
    while index < range.upperBound {
      let end = min((index / Self.blockLength + 1) * Self.blockLength, range.upperBound)
      let grid = grids[index / Self.blockLength]
      if grid.unit.isNaN {
        for index in index..<end { sum += single(index) }
      } else {
        var (total, isWhole) = (0, true)
        for code in codes[index..<end] {
          total += Int(code)
          isWhole = isWhole && code != Self.missing
        }
        sum += isWhole ? (grid.base * Double(end - index) + Double(total)) * grid.unit : .nan
      }
      index = end
    }
    return sum
  }

  /// Whether a sample is this number, as far as rounding tells: it may have been rounded twice, and on a coarser grid before.
  package func holds(_ value: Double, at index: Int) -> Bool {
    let known = self[index]
    guard known.isFinite, value.isFinite else { return known.isNaN && value.isNaN }
    let unit = grids[index / Self.blockLength].unit
    return abs(known - value) <= max(unit.isNaN ? 0 : 1.5 * unit, 2 * Self.coarsest * abs(known))
  }
}
