import Kedastral
import KedastralNet
import KedastralSources

extension LogFormat: ChoiceSettingValue {}
extension TLSContext.MinimumVersion: ChoiceSettingValue {}
extension PrometheusSource.PartialResponse: ChoiceSettingValue {}
extension HTTPSource.TimestampFormat: ChoiceSettingValue {}

/// Where plans are kept.
package enum StorageKind: String, Sendable, CaseIterable, ChoiceSettingValue {
  /// In the process.
  case memory
  /// In Redis.
  case redis
}

/// The kinds of metric source.
package enum SourceKind: String, Sendable, CaseIterable, ChoiceSettingValue {
  /// A Prometheus server.
  case prometheus
  /// A VictoriaMetrics server, which has Prometheus's query API.
  case victoriametrics
  /// Any JSON over HTTP.
  case http
  /// A file that is played.
  case csv
  /// A page in Prometheus's text format, read directly.
  case scrape
  /// The raw values of a trigger, which KEDA streams.
  case keda
  /// OpenTelemetry's metrics, which a sender posts to this process.
  case otlp
  /// Prometheus's samples, which a sender posts to this process.
  case remoteWrite
}

/// The methods that a source may be asked with.
package enum HTTPMethod: String, Sendable, CaseIterable, ChoiceSettingValue {
  /// GET
  case get = "GET"
  /// POST
  case post = "POST"
  /// PUT
  case put = "PUT"
}

/// The name of a time zone, such as `Europe/Berlin`.
struct TimeZoneName: SettingValue, Equatable {
  static var placeholder: String { "ZONE" }

  let text: String

  init(settingText: String) throws(SettingValueError) {
    let isName = settingText.utf8.allSatisfy {
      ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || (0x30...0x39).contains($0) || "/_+-".utf8.contains($0)
    }
    guard isName, settingText.first?.isLetter == true, settingText.count <= 64 else {
      throw SettingValueError(wrong: "is not the name of a time zone", right: "write one such as UTC or Europe/Berlin")
    }
    text = settingText
  }
}
