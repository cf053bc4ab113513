// Log lines to swift-log. The types at the end stand in for swift-log's interface, which cannot be fetched here.
import Kedastral

// snippet.show
struct SwiftLogHandler: KedastralLogHandler {
  let logger: Logger

  func isEnabled(_ level: KedastralLogLevel) -> Bool { self.level(level) >= logger.logLevel }

  func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
    let metadata = Dictionary(fields.map { ($0.key, Logger.MetadataValue.string($0.value)) }) { first, _ in first }
    logger.log(level: self.level(level), "\(message)", metadata: metadata)
  }

  private func level(_ level: KedastralLogLevel) -> Logger.Level {
    switch level {
    case .debug: .debug
    case .info: .info
    case .warn: .warning
    case .error: .error
    }
  }
}
// snippet.hide

KedastralLogger(SwiftLogHandler(logger: Logger())).info("stored forecast", ["workload": "shop"])

/// Stands in for swift-log's `Logger`.
struct Logger: Sendable {
  enum Level: Int, Comparable, Sendable {
    case trace, debug, info, notice, warning, error, critical
    static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }
  enum MetadataValue: Sendable { case string(String) }
  struct Message: ExpressibleByStringInterpolation, Sendable {
    let text: String
    init(stringLiteral text: String) { self.text = text }
  }
  var logLevel = Level.info
  func log(level: Level, _ message: Message, metadata: [String: MetadataValue]?) {
    print(level, message.text, metadata?.count ?? 0)
  }
}
