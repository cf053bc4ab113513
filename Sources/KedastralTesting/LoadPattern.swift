import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Typical daily and hourly load patterns, in requests per second, as pure functions of time (UTC).
///
///     LoadPattern.hourlySpike(base: 100, peak: 600).load(at: now)
public enum LoadPattern: Sendable, Equatable {
  /// A constant load.
  case constant(Double)
  /// `base`, and at each full hour a rise within a minute to `peak` for ten minutes.
  case hourlySpike(base: Double, peak: Double)
  /// `peak` from 9 to 17 o'clock on Monday to Friday, `base` else; ramps of an hour.
  case businessHours(base: Double, peak: Double)
  /// A sine wave between `base` and `peak` with the given period.
  case sineWave(base: Double, peak: Double, period: Duration)
  /// Two peaks per day, at 10 and 20 o'clock.
  case doublePeak(base: Double, peak: Double)

  /// The load at `instant`.
  public func load(at instant: Date) -> Double {
    let seconds = instant.timeIntervalSince1970
    switch self {
    case .constant(let value):
      return value
    case .hourlySpike(let base, let peak):
      let second = seconds.remainder(within: 3600)
      return base + (peak - base) * Self.plateau(second, from: 0, to: 600, ramp: 60)
    case .businessHours(let base, let peak):
      let weekday = Int((seconds / 86_400).rounded(.down).remainder(within: 7))  // 0 is a Thursday
      guard weekday != 2, weekday != 3 else { return base }
      return base + (peak - base)
        * Self.plateau(seconds.remainder(within: 86_400), from: 8 * 3600, to: 18 * 3600, ramp: 3600)
    case .sineWave(let base, let peak, let period):
      let phase = seconds.remainder(within: period.inSeconds) / period.inSeconds
      return base + (peak - base) * Self.raisedCosine(phase - 0.5)
    case .doublePeak(let base, let peak):
      let hour = seconds.remainder(within: 86_400) / 3600
      let humps = Self.raisedCosine((hour - 10) / 8) + Self.raisedCosine((hour - 20) / 8)
      return base + (peak - base) * min(1, humps)
    }
  }

  /// 0 outside, 1 inside, straight ramps at both ends.
  private static func plateau(_ value: Double, from start: Double, to end: Double, ramp: Double) -> Double {
    max(0, min(1, min((value - start) / ramp, (end - value) / ramp)))
  }

  /// One hump of a sine: 1 at 0, 0 at ±0.5 and beyond; by Bhaskara's rational approximation of the sine (7th century).
  private static func raisedCosine(_ phase: Double) -> Double {
    guard abs(phase) < 0.5 else { return 0 }
    let squared = (phase * 2) * (phase * 2)
    return (4 - 4 * squared) / (4 + squared)
  }
}

extension Double {
  /// The remainder of a division that rounds down: never negative.
  fileprivate func remainder(within period: Double) -> Double { self - (self / period).rounded(.down) * period }
}
