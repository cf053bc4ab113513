import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralGRPC
import KedastralHTTP

/// A scaler's responses to one round of calls, and how they are shown.
struct QueryAnswer {
  /// A metric and its values; nil if the values were not requested.
  struct Metric {
    let spec: MetricSpec
    let values: [MetricValue]?
  }

  var metrics: [Metric] = []
  var isActive: Bool?

  /// A few human-readable lines.
  func text(for query: Query) -> String {
    var rows = [
      ("scaler", "\(query.connection.address)"), ("object", "\(query.object.namespace)/\(query.object.name)"),
    ]
    if let isActive { rows.append(("active", isActive ? "yes" : "no: KEDA scales to the idle or minimum count")) }
    if metrics.isEmpty, isActive == nil { rows.append(("metric", "none: the scaler offers no metric")) }
    for metric in metrics {
      rows += [("metric", metric.spec.name), ("target", Self.number(metric.spec.target))]
      for value in metric.values ?? [] {
        rows += [
          ("value", Self.number(value.value)),
          ("replicas", replicas(metric, value) ?? "none: the target is not above 0"),
        ]
        if let forecast = value.forecast { rows.append(("forecast", Self.shortfall(forecast, of: query))) }
      }
      if metric.values?.isEmpty == true { rows.append(("value", "none: the response has no value")) }
    }
    return rows.map { name, value in "\(name)\(String(repeating: " ", count: 10 - name.count))\(value)" }
      .joined(separator: "\n")
  }

  /// One line, for `-watch`.
  func line(at time: Date) -> String {
    var words = [Timestamp.format(time)]
    if let isActive { words.append("active=\(isActive ? "yes" : "no")") }
    for metric in metrics {
      words.append(metric.spec.name)
      for value in metric.values ?? [] { words.append("value=\(Self.number(value.value))") }
      words.append("target=\(Self.number(metric.spec.target))")
      for value in metric.values ?? [] {
        words.append("replicas=\(replicas(metric, value) ?? "-")")
        if let forecast = value.forecast { words.append("forecast=\(DurationText.format(forecast))") }
      }
    }
    return words.joined(separator: " ")
  }

  /// `{"time":…,"active":true,"metrics":[{"name":"kedastral-api","target":1,"value":9,"replicas":9}]}`, with the
  /// members of the calls that were made; `forecastSeconds` follows the value where the forecast is shorter than the
  /// lead time.
  func json(at time: Date?) -> String {
    var text = JSONText()
    text.object { object in
      if let time { object.member("time", Timestamp.format(time)) }
      if let isActive { object.member("active", isActive) }
      guard !metrics.isEmpty || isActive == nil else { return }
      object.member("metrics") { list in
        list.array(metrics.flatMap(Self.flat)) { item, metric in
          item.object {
            $0.member("name", metric.spec.name)
            $0.member("target", metric.spec.target)
            guard let value = metric.value else { return }
            $0.member("value", value.value)
            $0.member("replicas") { $0.number(metric.spec.replicas(for: value).map(Double.init)) }
            if let forecast = value.forecast { $0.member("forecastSeconds", forecast.inSeconds) }
          }
        }
      }
    }
    return String(decoding: text.bytes, as: UTF8.self)
  }

  /// `{"time":…,"error":{"address":…,"method":…,"code":"UNAVAILABLE","message":…}}`.
  static func json(_ error: GRPCCallError, at time: Date) -> String {
    var text = JSONText()
    text.object {
      $0.member("time", Timestamp.format(time))
      $0.member("error") {
        $0.object {
          $0.member("address", error.address)
          $0.member("method", error.method)
          $0.member("code", error.code)
          $0.member("message", error.message)
        }
      }
    }
    return String(decoding: text.bytes, as: UTF8.self)
  }

  private static func flat(_ metric: Metric) -> [(spec: MetricSpec, value: MetricValue?)] {
    guard let values = metric.values, !values.isEmpty else { return [(metric.spec, nil)] }
    return values.map { (metric.spec, $0) }
  }

  /// States that the value is the one at the end of the forecast, because the forecast is shorter than the lead time.
  private static func shortfall(_ forecast: Duration, of query: Query) -> String {
    let lead = query.object.metadata["leadTime"].map { "of \($0)" } ?? "of the scaler"
    return "only \(DurationText.format(forecast)) are forecast, less than the lead time \(lead)"
  }

  private func replicas(_ metric: Metric, _ value: MetricValue) -> String? {
    metric.spec.replicas(for: value).map { "\($0)" }
  }

  /// Whole numbers without a fraction, others with at most three decimals, as the autoscaler reads them.
  private static func number(_ value: Double) -> String {
    guard value.magnitude < 1e12 else { return "\(value)" }
    let thousandths = Int((value * 1000).rounded())
    let (whole, fraction) = (abs(thousandths) / 1000, abs(thousandths) % 1000)
    var text = (thousandths < 0 ? "-" : "") + "\(whole)"
    if fraction > 0 {
      text += ".\(String("\(1000 + fraction)".dropFirst()))"
      while text.last == "0" { text.removeLast() }
    }
    return text
  }
}
