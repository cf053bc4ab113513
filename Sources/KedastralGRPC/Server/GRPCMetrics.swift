import KedastralCore

/// What a server tells about its calls and connections; children are looked up once and kept.
final class GRPCMetrics {
  /// The metrics of one method.
  final class Method {
    private let requests: MetricFamily
    private let name: String
    private let duration: Metric
    private var byCode: [Metric?] = Array(repeating: nil, count: GRPCStatus.Code.allCases.count)

    fileprivate init(name: String, requests: MetricFamily, durations: MetricFamily) {
      self.name = name
      self.requests = requests
      duration = durations.with(name)
    }

    /// Counts a call's end.
    func count(_ code: GRPCStatus.Code) {
      if let present = byCode[code.rawValue] { return present.increment() }
      let metric = requests.with(name, code.name)
      byCode[code.rawValue] = metric
      metric.increment()
    }

    /// Records how long an answer took.
    func observe(_ elapsed: Duration) { duration.observe(elapsed) }
  }

  /// Connections open now.
  let connections: Metric
  private let requests: MetricFamily
  private let durations: MetricFamily
  private let refusals: MetricFamily
  /// Calls that named no method of the server.
  private(set) lazy var unknownMethod = method("unknown")

  init(_ registry: MetricsRegistry) {
    requests = registry.counter(
      "kedastral_scaler_grpc_requests_total", help: "Number of completed gRPC calls, by method and status.",
      labels: ["method", "status"])
    durations = registry.histogram(
      "kedastral_scaler_grpc_request_duration_seconds",
      help: "Time from a unary gRPC call's headers to its response, by method.", labels: ["method"])
    refusals = registry.counter(
      "kedastral_scaler_grpc_refusals_total",
      help: "Number of connections and calls that were closed by a limit, by reason.",
      labels: ["reason"])
    connections = registry.gauge("kedastral_scaler_grpc_connections", help: "Number of open gRPC connections.").with()
  }

  /// The metrics of a method.
  func method(_ name: String) -> Method { Method(name: name, requests: requests, durations: durations) }

  /// Counts something cut off.
  func countRefusal(_ reason: Refusal) { refusals.with(reason.rawValue).increment() }

  /// Why something was cut off.
  enum Refusal: String {
    case connectionLimit = "connection_limit"
    case notHTTP2 = "not_http2"
    case headerSize = "header_size"
    case messageSize = "message_size"
    case bufferedBytes = "buffered_bytes"
    case handshakeTimeout = "handshake_timeout"
    case tlsHandshake = "tls_handshake"
    case requestTimeout = "request_timeout"
    case slowReader = "slow_reader"
    case keepAlive = "keep_alive"
    case idleFrames = "idle_frames"
    case protocolError = "protocol_error"
  }
}
