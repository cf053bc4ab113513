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
}

extension Date {
  /// The instant `duration` after `date`.
  package static func + (date: Date, duration: Duration) -> Date { date.addingTimeInterval(duration.inSeconds) }

  /// The instant `duration` before `date`.
  package static func - (date: Date, duration: Duration) -> Date { date.addingTimeInterval(-duration.inSeconds) }

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
