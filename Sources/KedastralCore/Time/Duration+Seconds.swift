#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Duration {
  /// The duration in seconds, as a floating-point number.
  package var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }

  /// How many steps it takes to cover the duration.
  package func steps(of step: Duration) -> Int { Int((inSeconds / step.inSeconds).rounded(.up)) }
}

extension Date {
  /// The instant `duration` after `date`.
  package static func + (date: Date, duration: Duration) -> Date { date.addingTimeInterval(duration.inSeconds) }

  /// The instant `duration` before `date`.
  package static func - (date: Date, duration: Duration) -> Date { date.addingTimeInterval(-duration.inSeconds) }

  /// The number of whole days since the Unix epoch.
  package var utcDay: Int { Int((timeIntervalSince1970 / 86_400).rounded(.down)) }

  /// The last instant at or before this one that is a whole multiple of `step` since the Unix epoch.
  package func floored(to step: Duration) -> Date {
    let seconds = step.inSeconds
    return Date(timeIntervalSince1970: (timeIntervalSince1970 / seconds).rounded(.down) * seconds)
  }

  /// The first instant at or after this one that is a whole multiple of `step` since the Unix epoch.
  package func ceiled(to step: Duration) -> Date {
    let seconds = step.inSeconds
    return Date(timeIntervalSince1970: (timeIntervalSince1970 / seconds).rounded(.up) * seconds)
  }
}
