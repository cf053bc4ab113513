import KedastralCore

/// A radix-2 fast Fourier transform (Cooley & Tukey 1965) for lengths that are powers of two.
struct FourierTransform {
  /// The number of points.
  let length: Int
  private let cosines: [Double]
  private let sines: [Double]

  /// A transform of the first power of two that is at least `count`.
  init(atLeast count: Int) {
    var length = 1
    while length < count { length *= 2 }
    self.length = length
    let angle = -2 * Double.pi / Double(length)
    cosines = (0..<length / 2).map { cosine(angle * Double($0)) }
    sines = (0..<length / 2).map { sine(angle * Double($0)) }
  }

  /// Transforms in place; both arrays have `length` entries.
  func forward(_ real: inout [Double], _ imaginary: inout [Double]) {
    reorder(&real, &imaginary)
    var half = 1
    while half < length {
      let stride = length / (2 * half)
      for block in Swift.stride(from: 0, to: length, by: 2 * half) {
        for offset in 0..<half {
          let (c, s) = (cosines[offset * stride], sines[offset * stride])
          let (low, high) = (block + offset, block + offset + half)
          let (re, im) = (real[high] * c - imaginary[high] * s, real[high] * s + imaginary[high] * c)
          real[high] = real[low] - re
          imaginary[high] = imaginary[low] - im
          real[low] += re
          imaginary[low] += im
        }
      }
      half *= 2
    }
  }

  private func reorder(_ real: inout [Double], _ imaginary: inout [Double]) {
    var target = 0
    for index in 0..<length {
      if index < target {
        real.swapAt(index, target)
        imaginary.swapAt(index, target)
      }
      var bit = length / 2
      while bit > 0, target & bit != 0 {
        target ^= bit
        bit /= 2
      }
      target |= bit
    }
  }

  /// The autocorrelation of `values` (around zero) at lags 0…`maximumLag`, 1 at lag 0; all zero when the values are.
  static func autocorrelation(of values: [Double], maximumLag: Int) -> [Double] {
    let transform = FourierTransform(atLeast: values.count + maximumLag + 1)
    var real = values + Array(repeating: 0, count: transform.length - values.count)
    var imaginary = Array(repeating: 0.0, count: transform.length)
    transform.forward(&real, &imaginary)
    for index in real.indices {
      real[index] = real[index] * real[index] + imaginary[index] * imaginary[index]
      imaginary[index] = 0
    }
    transform.forward(&real, &imaginary)
    guard real[0] > 0 else { return Array(repeating: 0, count: maximumLag + 1) }
    return (0...maximumLag).map { real[$0] / real[0] }
  }
}
