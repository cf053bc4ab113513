#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The local time of a zone: its offset from UTC at any instant, including daylight saving time.
///
///     let berlin = try TimeZoneRules(named: "Europe/Berlin")
///     berlin.offsetSeconds(at: july)    // 7200
///
/// Read from the system's time zone database in the form of RFC 8536, and independent of the TZ variable.
public struct TimeZoneRules: Sendable, Equatable {
  /// An unknown zone.
  public struct UnknownZone: Error, Equatable, CustomStringConvertible {
    /// The requested name.
    package let name: String
    /// Why it cannot be read.
    package let problem: String
    public var description: String { "the time zone '\(name)' \(problem)" }
  }

  /// Coordinated universal time.
  public static let utc = TimeZoneRules(name: "UTC", transitions: [], first: 0, footer: nil)

  private struct Transition: Equatable {
    var seconds: Int
    var offset: Int
  }

  /// The zone's name.
  package let name: String
  /// Changes of the offset, ascending.
  private let transitions: [Transition]
  /// The offset before the first change.
  private let first: Int
  /// The rule after the last change.
  private let footer: PosixTimeZone?

  private init(name: String, transitions: [Transition], first: Int, footer: PosixTimeZone?) {
    self.name = name
    self.transitions = transitions
    self.first = first
    self.footer = footer
  }

  /// Reads a zone by its name in the database, such as `Europe/Berlin`.
  public init(named name: String, database: String = "/usr/share/zoneinfo") throws(UnknownZone) {
    if name == "UTC" {
      self = .utc
      return
    }
    let isName = name.utf8.allSatisfy { byte in
      UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
        || "/_+-".utf8.contains(byte)
    }
    guard isName, name.first?.isLetter == true else {
      throw UnknownZone(name: name, problem: "is not a name; write one such as UTC or Europe/Berlin")
    }
    guard let data = try? Data(contentsOf: URL(filePath: "\(database)/\(name)")) else {
      throw UnknownZone(
        name: name, problem: "is not in \(database); write one such as UTC or Europe/Berlin, or install tzdata")
    }
    guard let rules = Self.read(Array(data), name: name) else {
      throw UnknownZone(name: name, problem: "cannot be read from \(database)/\(name)")
    }
    self = rules
  }

  /// The seconds that local time is ahead of UTC at an instant.
  package func offsetSeconds(at instant: Date) -> Int {
    let seconds = Int(min(max(instant.timeIntervalSince1970, -1e12), 1e12).rounded(.down))
    if let footer, transitions.last.map({ seconds >= $0.seconds }) ?? true { return footer.offsetSeconds(at: seconds) }
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle].seconds <= seconds { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? first : transitions[low - 1].offset
  }

  /// The local time during `instants`, in seconds since 1970-01-01.
  package func localClock(in instants: Range<Int>) -> LocalTimeline {
    let known = transitions.map(\.seconds).filter(instants.contains)
    let ruled = (footer?.changes(in: instants) ?? []).filter { $0 > transitions.last?.seconds ?? .min }
    var stretches: [LocalTimeline.Stretch] = []
    var begin = instants.lowerBound
    for change in (known + ruled).sorted() + [instants.upperBound] where change > begin {
      let offset = offsetSeconds(at: Date(timeIntervalSince1970: Double(begin)))
      stretches.append(LocalTimeline.Stretch(instants: begin..<change, offset: offset))
      begin = change
    }
    return LocalTimeline(stretches: stretches)
  }

  /// Parses version 2 or later of the format: its 64-bit part follows the 32-bit one.
  private static func read(_ bytes: [UInt8], name: String) -> TimeZoneRules? {
    guard let old = Header(bytes, at: 0), old.version >= UInt8(ascii: "2") else { return nil }
    let begin = Header.size + old.bodySize(timeSize: 4)
    guard let header = Header(bytes, at: begin) else { return nil }
    let body = begin + Header.size
    let footerStart = body + header.bodySize(timeSize: 8)
    guard footerStart <= bytes.count, header.types > 0 else { return nil }
    let indices = body + header.times * 8
    let types = indices + header.times
    func offset(ofType type: Int) -> Int? {
      guard type < header.types else { return nil }
      return Int(Int32(truncatingIfNeeded: integer(bytes, at: types + type * 6, size: 4)))
    }
    var transitions: [Transition] = []
    for index in 0..<header.times {
      guard let offset = offset(ofType: Int(bytes[indices + index])) else { return nil }
      transitions.append(Transition(seconds: integer(bytes, at: body + index * 8, size: 8), offset: offset))
    }
    guard let first = offset(ofType: 0) else { return nil }
    let footer = String(decoding: bytes[footerStart...].filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    return TimeZoneRules(name: name, transitions: transitions, first: first, footer: PosixTimeZone(footer))
  }

  /// A big-endian number.
  private static func integer(_ bytes: [UInt8], at index: Int, size: Int) -> Int {
    var value: UInt64 = 0
    for byte in bytes[index..<index + size] { value = value << 8 | UInt64(byte) }
    return Int(truncatingIfNeeded: size == 8 ? Int64(bitPattern: value) : Int64(value))
  }

  private struct Header {
    static let size = 44
    let version: UInt8
    let times: Int
    let types: Int
    private let universal: Int
    private let standard: Int
    private let leaps: Int
    private let characters: Int

    init?(_ bytes: [UInt8], at start: Int) {
      guard start >= 0, bytes.count >= start + Self.size, bytes[start..<start + 4].elementsEqual("TZif".utf8) else {
        return nil
      }
      let counts = (0..<6).map { TimeZoneRules.integer(bytes, at: start + 20 + $0 * 4, size: 4) }
      guard counts.allSatisfy({ $0 < 1_000_000 }) else { return nil }
      version = bytes[start + 4]
      (universal, standard, leaps, times, types, characters) = (
        counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]
      )
    }

    func bodySize(timeSize: Int) -> Int {
      times * (timeSize + 1) + types * 6 + characters + leaps * (timeSize + 4) + standard + universal
    }
  }
}
