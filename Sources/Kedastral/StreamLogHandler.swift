import FoundationEssentials
import Glibc
import KedastralCore
import Synchronization

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
  /// Human-readable text.
  case text
  /// One JSON object per line.
  case json
}

/// Writes log lines to a file descriptor, one `write` per line, so that lines of several threads never mix.
///
/// As text, `2026-01-31T06:00:00.250Z INFO stored forecast workload=api-app replicas=4`; as JSON, one object per line
/// with `time`, `level`, `msg` and the fields. A line that cannot be written (a full disk) is dropped: logging never
/// stops the program.
public final class StreamLogHandler: KedastralLogHandler {
  private let descriptor: CInt
  private let format: LogFormat
  private let clock: any WallClock
  private let threshold: Atomic<Int>

  /// Creates a handler.
  ///
  /// - Parameters:
  ///   - descriptor: the file descriptor to write to; standard error by default.
  ///   - format: text or JSON.
  ///   - level: the lowest level that is written.
  ///   - clock: the source of the lines' timestamps.
  public init(
    descriptor: CInt = STDERR_FILENO, format: LogFormat = .text, level: KedastralLogLevel = .info,
    clock: any WallClock = SystemWallClock()
  ) {
    self.descriptor = descriptor
    self.format = format
    self.clock = clock
    threshold = Atomic(level.rank)
  }

  /// Changes the lowest level that is written, at any time.
  public func setLevel(_ level: KedastralLogLevel) { threshold.store(level.rank, ordering: .relaxed) }

  public func isEnabled(_ level: KedastralLogLevel) -> Bool { level.rank >= threshold.load(ordering: .relaxed) }

  public func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
    let line =
      switch format {
      case .text: Self.textLine(at: clock.now, level, message, fields)
      case .json: Self.jsonLine(at: clock.now, level, message, fields)
      }
    var bytes = Array(line.utf8)
    bytes.append(UInt8(ascii: "\n"))
    _ = write(descriptor, bytes, bytes.count)
  }

  static func textLine(
    at time: Date, _ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>
  ) -> String {
    var line = "\(Timestamp.format(time)) \(level.rawValue.uppercased()) \(message)"
    for (key, value) in fields { line += " \(key)=\(needsQuotes(value) ? quoted(value) : value)" }
    return line
  }

  static func jsonLine(
    at time: Date, _ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>
  ) -> String {
    var line = "{\"time\":\"\(Timestamp.format(time))\",\"level\":\"\(level.rawValue)\",\"msg\":\(quoted(message))"
    for (key, value) in fields { line += ",\(quoted(key)):\(quoted(value))" }
    return line + "}"
  }

  private static func needsQuotes(_ value: String) -> Bool {
    value.isEmpty || value.unicodeScalars.contains { $0.value <= 0x20 || $0 == "\"" || $0 == "=" || $0 == "\\" }
  }

  /// A JSON string: quotes, backslashes and control characters escaped, so that no value can forge a line.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
