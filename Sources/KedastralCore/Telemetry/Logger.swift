#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How urgent a log line is.
public enum KedastralLogLevel: String, Sendable, CaseIterable, Comparable {
  /// For somebody who looks for a fault.
  case debug
  /// Normal work.
  case info
  /// A failure that will be tried again.
  case warn
  /// A failure that needs a person.
  case error

  public static func < (left: KedastralLogLevel, right: KedastralLogLevel) -> Bool { left.rank < right.rank }

  /// Its place among the levels, the least urgent first.
  package var rank: Int {
    switch self {
    case .debug: 0
    case .info: 1
    case .warn: 2
    case .error: 3
    }
  }
}

/// Receives log lines; bridge your own logging system with one method.
public protocol KedastralLogHandler: Sendable {
  /// Whether lines of `level` are wanted, so that others need not be composed.
  func isEnabled(_ level: KedastralLogLevel) -> Bool

  /// Takes one line: a constant message, and what varies as fields in the order given.
  func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>)
}

/// A handle to write log lines with.
///
///     log.info("stored forecast", ["workload": "api-app", "replicas": "4"])
public struct KedastralLogger: Sendable {
  private let handler: any KedastralLogHandler

  /// Creates a logger.
  public init(_ handler: any KedastralLogHandler) { self.handler = handler }

  /// A logger that writes nothing.
  public static let silent = KedastralLogger(SilentLogHandler())

  /// Details for somebody who looks for a fault.
  public func debug(_ message: String, _ fields: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
    log(.debug, message, fields())
  }

  /// What happened, in normal work.
  public func info(_ message: String, _ fields: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
    log(.info, message, fields())
  }

  /// Something failed that will be tried again.
  public func warn(_ message: String, _ fields: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
    log(.warn, message, fields())
  }

  /// Something failed that needs a person.
  public func error(_ message: String, _ fields: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
    log(.error, message, fields())
  }

  package func log(
    _ level: KedastralLogLevel, _ message: String, _ fields: @autoclosure () -> KeyValuePairs<String, String>
  ) {
    if handler.isEnabled(level) { handler.log(level, message, fields()) }
  }
}

private struct SilentLogHandler: KedastralLogHandler {
  func isEnabled(_ level: KedastralLogLevel) -> Bool { false }
  func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {}
}
