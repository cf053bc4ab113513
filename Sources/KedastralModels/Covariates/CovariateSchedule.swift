import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A covariate that is known ahead: values that hold from one time to the next, or 1 during the events of a calendar.
package struct CovariateSchedule: Sendable, Equatable {
  /// A value from a time on, in seconds since 1970.
  struct Change: Sendable, Equatable {
    var at: Double
    var value: Double
  }

  private enum Content: Sendable, Equatable {
    case changes([Change])
    case events(WorkloadCalendar)
  }

  /// A file that cannot be read.
  package struct ParseError: Error, Equatable, CustomStringConvertible {
    package let line: Int
    package let problem: String
    package var description: String { "line \(line): \(problem)" }
  }

  /// The largest number of rows.
  private static let mostRows = 100_000

  private let content: Content

  /// 1 during events, otherwise 0.
  package init(events: [CalendarEvent], in zone: TimeZoneRules) {
    content = .events(WorkloadCalendar(zone: zone, events: events))
  }

  /// Values that hold until the next change, in the order of their times; 0 before the first one.
  init(_ changes: [Change]) { content = .changes(changes) }

  /// Reads rows of `time,value`: a time by RFC 3339, in Unix seconds, or local, such as `2026-11-27 18:00`.
  ///
  /// Each value holds until the time of the next row. A first row without a time, empty lines and lines that begin with # are skipped.
  package init(csv text: String, in zone: TimeZoneRules) throws(ParseError) {
    var changes: [Change] = []
    var hasRows = false
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let row = line.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
      guard !row.isEmpty, row.first != "#" else { continue }
      defer { hasRows = true }
      let fields = row.split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed)
      guard let at = fields.first.flatMap({ Self.time($0, zone) }) else {
        if !hasRows { continue }
        throw ParseError(
          line: index + 1,
          problem: "expected a time such as 2026-11-27 18:00 or 2026-11-27T17:00:00Z, found '\(row.prefix(40))'")
      }
      guard fields.count == 2, let value = Double(fields[1]), value.isFinite, abs(value) < 1e15 else {
        throw ParseError(line: index + 1, problem: "expected 'time,value' with a number, found '\(row.prefix(40))'")
      }
      if let last = changes.last, last.at >= at {
        throw ParseError(
          line: index + 1, problem: "the time is not after that of the row before; sort the rows by time")
      }
      changes.append(Change(at: at, value: value))
      if changes.count > Self.mostRows {
        throw ParseError(line: index + 1, problem: "the file has more than \(Self.mostRows) rows")
      }
    }
    guard !changes.isEmpty else { throw ParseError(line: 1, problem: "the file has no row 'time,value'") }
    self.init(changes)
  }

  private static func trimmed(_ field: Substring) -> String {
    String(field.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }

  private static func time(_ text: String, _ zone: TimeZoneRules) -> Double? {
    if let seconds = Double(text) { return abs(seconds) < 1e11 ? seconds : nil }
    if let instant = Timestamp.parse(text) { return instant.timeIntervalSince1970 }
    let parts = text.split { $0 == " " || $0 == "T" }
    guard parts.count == 1 || parts.count == 2, let date = CivilDate(parts[0]) else { return nil }
    var local = date.number * 86_400
    if parts.count == 2 {
      let time = parts[1].split(separator: ":", omittingEmptySubsequences: false).compactMap { Int($0) }
      guard time.count == 2, (0...23).contains(time[0]), (0...59).contains(time[1]) else { return nil }
      local += time[0] * 3600 + time[1] * 60
    }
    let clock = zone.localClock(in: local - 2 * 86_400..<local + 2 * 86_400)
    return clock.firstInstant(reaching: local).map(Double.init)
  }

  /// The mean of each step; the first one ends at `start`.
  func values(from start: Date, step: Duration, count: Int) -> [Double] {
    let length = step.inSeconds
    let begin = start.timeIntervalSince1970 - length
    let changes = changes(in: begin..<begin + length * Double(count + 1))
    var (next, value) = (0, 0.0)
    return (0..<count).map { index in
      let end = begin + length * Double(index + 1)
      var (position, sum) = (begin + length * Double(index), 0.0)
      while next < changes.count, changes[next].at < end {
        let at = max(position, changes[next].at)
        sum += value * (at - position)
        (position, value) = (at, changes[next].value)
        next += 1
      }
      return (sum + value * (end - position)) / length
    }
  }

  private func changes(in range: Range<Double>) -> [Change] {
    switch content {
    case .changes(let changes): return changes
    case .events(let calendar):
      let seconds = Int(range.lowerBound.rounded(.down))..<Int(range.upperBound.rounded(.up))
      var changes: [Change] = []
      for span in calendar.occurrences(in: seconds).map(\.span) {
        if let last = changes.last, Double(span.lowerBound) <= last.at {
          changes[changes.count - 1].at = max(last.at, Double(span.upperBound))
        } else {
          changes.append(Change(at: Double(span.lowerBound), value: 1))
          changes.append(Change(at: Double(span.upperBound), value: 0))
        }
      }
      return changes
    }
  }

  /// What kind of values it has: a fit is used again after rows were added.
  var identity: String {
    switch content {
    case .changes: "values"
    case .events: "events"
    }
  }
}
