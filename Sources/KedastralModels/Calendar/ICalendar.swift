import KedastralCore

/// Reads the events of an iCalendar file (RFC 5545).
///
/// What it does not support would silently move events, so it is an error with its line.
package enum ICalendar {
  /// A file that cannot be read.
  package struct ParseError: Error, Equatable, CustomStringConvertible {
    package let line: Int
    package let problem: String
    package var description: String { "line \(line): \(problem)" }
  }

  /// The largest number of events.
  private static let mostEvents = 10_000

  /// The events of a file.
  ///
  /// - Parameters:
  ///   - likeness: what the load does during an event that has not been seen before.
  ///   - zone: finds a time zone by its name.
  package static func events(
    _ text: String, likeness: CalendarEvent.Likeness,
    zone: @escaping (String) -> TimeZoneRules? = { try? TimeZoneRules(named: $0) }
  ) throws(ParseError) -> [CalendarEvent] {
    var events: [CalendarEvent] = []
    var open: [(name: String, line: Int)] = []
    var draft: ICalendarDraft?
    for line in unfolded(text) {
      let property = try ICalendarProperty(line)
      guard !open.isEmpty || (property.name == "BEGIN" && property.value.uppercased() == "VCALENDAR") else {
        throw ParseError(line: line.number, problem: "expected BEGIN:VCALENDAR, the first line of an iCalendar file")
      }
      switch property.name {
      case "BEGIN":
        open.append((property.value.uppercased(), line.number))
        if open.map(\.name) == ["VCALENDAR", "VEVENT"] { draft = ICalendarDraft(line: line.number, zone: zone) }
      case "END":
        guard open.last?.name == property.value.uppercased() else {
          throw ParseError(
            line: line.number, problem: "END:\(property.value) without its BEGIN; open is \(open.last?.name ?? "")")
        }
        if open.count == 2, let event = try draft?.event(likeness: likeness) { events.append(event) }
        if open.count == 2 { draft = nil }
        open.removeLast()
        guard events.count <= mostEvents else {
          throw ParseError(line: line.number, problem: "the file has more than \(mostEvents) events")
        }
      default:
        if open.count == 2 { try draft?.take(property) }
      }
    }
    if let last = open.last { throw ParseError(line: last.line, problem: "BEGIN:\(last.name) has no END") }
    return events
  }

  /// The content lines: a line that begins with a space or tab continues the one before.
  private static func unfolded(_ text: String) -> [(number: Int, text: String)] {
    var lines: [(number: Int, text: String)] = []
    let physical = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
    for (index, var line) in physical.enumerated() {
      if index == 0, line.first == "\u{FEFF}" { line.removeFirst() }
      if let first = line.first, first == " " || first == "\t", !lines.isEmpty {
        lines[lines.count - 1].text += line.dropFirst()
      } else if !line.isEmpty {
        lines.append((index + 1, String(line)))
      }
    }
    return lines
  }
}

/// A content line: a name, parameters and a value.
struct ICalendarProperty {
  let line: Int
  let name: String
  private(set) var parameters: [String: String] = [:]
  let value: String

  init(_ line: (number: Int, text: String)) throws(ICalendar.ParseError) {
    var isQuoted = false
    var parts: [Substring] = []
    var start = line.text.startIndex
    var colon: String.Index?
    for index in line.text.indices {
      let letter = line.text[index]
      if letter == "\"" { isQuoted.toggle() }
      guard !isQuoted, letter == ";" || letter == ":" else { continue }
      parts.append(line.text[start..<index])
      start = line.text.index(after: index)
      if letter == ":" {
        colon = index
        break
      }
    }
    guard colon != nil, let name = parts.first, !name.isEmpty else {
      throw ICalendar.ParseError(line: line.number, problem: "expected NAME:VALUE")
    }
    self.line = line.number
    self.name = name.uppercased()
    value = String(line.text[start...])
    for part in parts.dropFirst() {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else {
        throw ICalendar.ParseError(line: line.number, problem: "expected a parameter NAME=VALUE, found '\(part)'")
      }
      parameters[pair[0].uppercased()] = String(pair[1].filter { $0 != "\"" })
    }
  }

  func problem(_ text: String) -> ICalendar.ParseError { ICalendar.ParseError(line: line, problem: text) }
}
