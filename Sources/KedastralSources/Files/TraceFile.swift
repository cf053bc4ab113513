import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A load series in a text file: `timestamp,value` lines, one a step.
///
///     timestamp,value
///     1785542400,46.4
///     1785542460,
///     2026-08-01T00:02:00Z,45.8
///
/// A timestamp is Unix seconds or RFC 3339; an empty value, `NaN`, or an absent line is a missing sample. A header line, empty
/// lines and lines that begin with `#` are skipped. The step is the shortest distance of two lines.
public struct TraceFile: Sendable, Equatable {
  /// Why a file cannot be read as a series.
  public struct ReadError: Error, Equatable, CustomStringConvertible {
    /// The file.
    public let file: String
    /// The line, counted from 1; nil when the file as a whole is at fault.
    public let line: Int?
    /// What is wrong, and what would be right.
    public let problem: String
    public var description: String { line.map { "\(file):\($0): \(problem)" } ?? "\(file): \(problem)" }
  }

  /// More samples than this are refused: the file's step is not what its author meant.
  private static let mostSamples = 50_000_000
  /// The end of the year 9999: what lies beyond is no instant.
  private static let farthestSeconds = 253_402_300_799.0
  /// A shorter step is a mistake in the file.
  private static let leastStepSeconds = 0.001

  /// The series.
  public let series: TimeSeries

  /// Reads a file.
  ///
  /// - Throws: ``ReadError``, which names the line.
  public init(path: String) throws {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      let isThere = FileManager.default.fileExists(atPath: path)
      throw ReadError(file: path, line: nil, problem: isThere ? "the file cannot be read" : "no such file")
    }
    try self.init(bytes: Array(data), name: path)
  }

  /// Reads a file's text.
  public init(text: String, name: String) throws {
    try self.init(bytes: Array(text.utf8), name: name)
  }

  private init(bytes: [UInt8], name: String) throws {
    var points: [(seconds: Double, value: Double, line: Int)] = []
    for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
      let number = index + 1
      let content = Self.trimmed(line)
      guard let first = content.first, first != 0x23 else { continue }
      // A header begins with a letter.
      if points.isEmpty, (0x61...0x7A).contains(first | 0x20) { continue }
      let point = try Self.point(content, file: name, line: number)
      if let last = points.last, point.seconds <= last.seconds {
        throw ReadError(
          file: name, line: number, problem: "the timestamp is not after that of line \(last.line); sort the lines")
      }
      points.append((point.seconds, point.value, number))
    }
    series = try Self.series(points, file: name)
  }

  private static func point(
    _ line: ArraySlice<UInt8>, file: String, line number: Int
  ) throws -> (seconds: Double, value: Double) {
    let fields = line.split(separator: 0x2C, omittingEmptySubsequences: false)
      .map { String(decoding: trimmed($0), as: UTF8.self) }
    guard fields.count == 2 else {
      let text = String(decoding: line.prefix(100), as: UTF8.self)
      throw ReadError(file: file, line: number, problem: "'\(text)' is not timestamp,value")
    }
    let seconds = Double(fields[0]) ?? Timestamp.parse(fields[0])?.timeIntervalSince1970
    guard let seconds, seconds.magnitude <= farthestSeconds else {
      throw ReadError(
        file: file, line: number,
        problem: "'\(fields[0])' is not a timestamp; write Unix seconds or RFC 3339, such as 2026-08-01T00:00:00Z")
    }
    if fields[1].isEmpty { return (seconds, .nan) }
    guard let value = Double(fields[1]) else {
      throw ReadError(file: file, line: number, problem: "'\(fields[1])' is not a number")
    }
    return (seconds, value.isFinite ? value : .nan)
  }

  private static func series(
    _ points: [(seconds: Double, value: Double, line: Int)], file: String
  ) throws -> TimeSeries {
    guard points.count >= 2, let first = points.first, let last = points.last else {
      throw ReadError(file: file, line: nil, problem: "at least two samples are needed, \(points.count) found")
    }
    let step = zip(points.dropFirst(), points).map { $0.seconds - $1.seconds }.min() ?? 1
    let span = ((last.seconds - first.seconds) / step).rounded()
    guard step >= leastStepSeconds, span < Double(mostSamples) else {
      throw ReadError(
        file: file, line: nil, problem: "a step of \(step) s between two lines is too short for its length")
    }
    var values = [Double](repeating: .nan, count: Int(span) + 1)
    for point in points {
      let position = (point.seconds - first.seconds) / step
      guard abs(position - position.rounded()) < 0.01 else {
        throw ReadError(
          file: file, line: point.line,
          problem: "the timestamp is not on the grid of \(step) s that the file has elsewhere")
      }
      values[Int(position.rounded())] = point.value
    }
    return TimeSeries(start: Date(timeIntervalSince1970: first.seconds), step: .seconds(step), values: values)
  }

  /// Without blanks, tabs and carriage returns at its ends.
  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isBlank(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
    var text = text
    while isBlank(text.first) { text.removeFirst() }
    while isBlank(text.last) { text.removeLast() }
    return text
  }
}
