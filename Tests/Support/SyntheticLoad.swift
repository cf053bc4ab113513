import Foundation
import KedastralCore

/// Load patterns made from a seed, for tests that need to know what comes next.
package enum SyntheticLoad {
  /// A small generator (Steele, Lea & Flood 2014, SplitMix64), so that every run sees the same noise.
  package struct Generator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }

    /// A roughly normal number with mean 0 and deviation 1.
    package mutating func noise() -> Double {
      (0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &self) }
    }
  }

  /// A series of `count` steps that starts at midnight UTC on a Monday.
  package static func series(
    count: Int, stepSeconds: Int = 60, seed: UInt64 = 1, _ value: (Int, inout Generator) -> Double
  ) -> TimeSeries {
    var generator = Generator(seed: seed)
    return TimeSeries(
      start: Date(timeIntervalSince1970: 1_767_571_200), step: .seconds(stepSeconds),
      values: (0..<count).map { value($0, &generator) })
  }

  /// A spike of five minutes at every full hour over a calm level.
  package static func hourlySpike(_ minute: Int, _ generator: inout Generator) -> Double {
    (minute % 60 < 5 ? 500 : 100) + 8 * generator.noise()
  }

  /// A smooth day with noise.
  package static func day(_ minute: Int, _ generator: inout Generator) -> Double {
    200 - 150 * cos(2 * .pi * Double(minute % 1440) / 1440) + 10 * generator.noise()
  }
}

extension SyntheticLoad {
  /// A series with any values: gaps, infinities, negatives, steps, extremes.
  package static func anything(seed: UInt64) -> TimeSeries {
    var generator = Generator(seed: seed &* 7919)
    let count = Int.random(in: 1...700, using: &generator)
    let magnitudes: [Double] = [1e-300, 1e-3, 1, 1e6, 1e305]
    let magnitude = magnitudes.randomElement(using: &generator) ?? 1
    let kind = Int.random(in: 0..<6, using: &generator)
    var level = 0.0
    let stepSeconds = [15, 60, 300, 3600].randomElement(using: &generator) ?? 60
    return series(count: count, stepSeconds: stepSeconds, seed: seed) { index, generator in
      if Double.random(in: 0..<1, using: &generator) < 0.05 {
        let oddities: [Double] = [.nan, .infinity, -.infinity, -magnitude, 100 * magnitude, 0]
        return oddities.randomElement(using: &generator) ?? 0
      }
      level += generator.noise()
      return switch kind {
      case 0: level * magnitude
      case 1: index % 24 < 3 ? magnitude : 0
      case 2: index < count / 2 ? magnitude : 50 * magnitude
      case 3: (index / 50) % 2 == 0 ? Double.nan : magnitude * Double(index % 50)
      case 4: abs(generator.noise()) * magnitude
      default: Double.random(in: 0..<1, using: &generator) < 0.9 ? 0 : magnitude
      }
    }
  }
}
