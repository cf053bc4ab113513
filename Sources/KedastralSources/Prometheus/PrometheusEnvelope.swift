/// The parts of a Prometheus response that are the same for every range query: all but its series.
///
/// The form is that of the HTTP API: `{"status", "data": {"resultType", "result": [{"metric", "values": [[time, "value"]…]}…]},
/// "errorType", "error", "warnings"}`, members in any order, unknown ones ignored.
struct PrometheusEnvelope: Equatable {
  /// Prometheus's error.
  struct Failure: Equatable {
    var type = ""
    var message = ""
  }

  private(set) var resultType = ""
  private(set) var warnings: [String] = []
  /// Whether a part of the server did not respond, so that values can lack a part of the load.
  private(set) var isPartial = false
  private(set) var failure: Failure?
  private var isSuccess = false

  /// Parses a response.
  ///
  /// - Parameter series: must read each series, an object.
  /// - Throws: JSONScanner.Defect when it is not such a response.
  init(_ body: [UInt8], series: (inout JSONScanner) throws -> Void) throws {
    var scanner = JSONScanner(body)
    try scanner.object { scanner, key in
      switch key {
      case "status": isSuccess = try scanner.string() == "success"
      case "data": try readData(&scanner, series)
      case "errorType": failure = Failure(type: try scanner.string(), message: failure?.message ?? "")
      case "error": failure = Failure(type: failure?.type ?? "", message: try scanner.string())
      case "warnings": try readWarnings(&scanner)
      case "isPartial":
        // VictoriaMetrics: some storage nodes did not answer.
        if scanner.peek() == 0x74 {
          warnings.append("the response is partial: not all storage nodes responded")
          isPartial = true
        }
        try scanner.skipValue()
      default: try scanner.skipValue()
      }
    }
    try scanner.finish()
    if !isSuccess, failure == nil { throw scanner.defect("neither \"status\":\"success\" nor an error") }
  }

  private mutating func readWarnings(_ scanner: inout JSONScanner) throws {
    guard scanner.peek() == 0x5B else { return try scanner.skipValue() }
    try scanner.array { warnings.append(try $0.string()) }
    // Thanos and remote reads report what did not answer; a remark on the query itself is not about the data.
    if warnings.contains(where: { !$0.hasPrefix("PromQL ") }) { isPartial = true }
  }

  private mutating func readData(
    _ scanner: inout JSONScanner, _ series: (inout JSONScanner) throws -> Void
  ) throws {
    guard scanner.peek() == 0x7B else { return try scanner.skipValue() }
    try scanner.object { scanner, key in
      switch key {
      case "resultType": resultType = try scanner.string()
      case "result" where scanner.peek() == 0x5B:
        try scanner.array { scanner in
          // An element that is not a series belongs to another result type, which is refused by its name.
          guard scanner.peek() == 0x7B else { return try scanner.skipValue() }
          try series(&scanner)
        }
      default: try scanner.skipValue()
      }
    }
  }
}

/// One sample: seconds since the Unix epoch, and the value, which may be NaN or infinite.
struct PrometheusPoint: Equatable {
  let time: Double
  let value: Double

  init(_ scanner: inout JSONScanner) throws {
    try scanner.expect(0x5B)
    time = try scanner.number()
    try scanner.expect(0x2C)
    value = try Self.value(&scanner)
    try scanner.expect(0x5D)
  }

  /// A number in quotes; Prometheus writes what JSON has no number for as NaN, +Inf and -Inf.
  private static func value(_ scanner: inout JSONScanner) throws -> Double {
    let start = scanner
    try scanner.expect(0x22)
    switch scanner.peek() {
    case 0x4E, 0x2B, 0x49, 0x2D: break
    default:
      let value = try scanner.number()
      try scanner.expect(0x22)
      return value
    }
    scanner = start
    let text = try scanner.string()
    switch text {
    case "NaN": return .nan
    case "+Inf", "Inf": return .infinity
    case "-Inf": return -.infinity
    default:
      guard let value = Double(text) else { throw scanner.defect("the sample value '\(text)' is not a number") }
      return value
    }
  }
}

/// The labels of a series.
struct PrometheusLabels {
  private(set) var name = ""
  private(set) var pairs: [(key: String, value: String)] = []

  init(_ scanner: inout JSONScanner) throws {
    try scanner.object { scanner, key in
      let value = try scanner.string()
      if key == "__name__" { name = value } else { pairs.append((key, value)) }
    }
  }

  /// The value of a label; nil when it is missing or empty, which means the same in Prometheus.
  subscript(label: String) -> String? {
    let value = label == "__name__" ? name : pairs.first { $0.key == label }?.value ?? ""
    return value.isEmpty ? nil : value
  }

  /// The labels as a selector.
  var selector: String { name + "{" + pairs.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: ",") + "}" }
}
