import KedastralCore
import KedastralGRPC
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension PushProtocol {
  /// Where requests are posted to.
  package var path: String {
    switch self {
    case .otlp: "/v1/metrics"
    case .remoteWrite: "/api/v1/write"
    }
  }
}

/// What a sender may take of this process.
package struct PushLimits: Sendable, Equatable {
  /// The size of a request's body, before and after decompression.
  package var bodyBytes = 4 << 20
  /// The points of a request.
  package var points = 100_000

  /// The default limits.
  package init() {}
}

/// Answers the requests of senders: reads their points and hands them to an inbox.
package final class PushReceiver: Sendable {
  /// A request, as far as it matters here.
  package struct Message: Sendable {
    package var contentType: String?
    package var contentEncoding: String?
    /// The header `X-Prometheus-Remote-Write-Version`.
    package var version: String?
    package var body: [UInt8]

    package init(contentType: String?, contentEncoding: String?, version: String? = nil, body: [UInt8]) {
      self.contentType = contentType
      self.contentEncoding = contentEncoding
      self.version = version
      self.body = body
    }
  }

  /// The response.
  package struct Reply: Sendable, Equatable {
    package var status: Int
    package var contentType: String
    package var body: [UInt8]
  }

  /// After this time without a refusal, a sender's refusals are over.
  private static let calm = Duration.seconds(300)

  private let inbox: PushInbox
  private let limits: PushLimits
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let received: MetricFamily
  private let unselected: MetricFamily
  private let rejected: MetricFamily
  private let lastRefusals = Mutex<[PushProtocol: Date]>([:])

  /// Creates a receiver, which counts points in `metrics`.
  package init(
    _ inbox: PushInbox, limits: PushLimits = PushLimits(), clock: any WallClock, metrics: MetricsRegistry,
    logger: KedastralLogger
  ) {
    self.inbox = inbox
    self.limits = limits
    self.clock = clock
    self.logger = logger
    received = metrics.counter(
      "kedastral_received_samples_total", help: "Number of pushed points that a workload uses, by protocol.",
      labels: ["protocol"])
    unselected = metrics.counter(
      "kedastral_unselected_samples_total", help: "Number of pushed points that no workload selects, by protocol.",
      labels: ["protocol"])
    rejected = metrics.counter(
      "kedastral_rejected_samples_total",
      help: "Number of pushed points that a workload selects but cannot use, by protocol and reason.",
      labels: ["protocol", "reason"])
  }

  /// The largest body that is read; nil while no workload receives points of the protocol.
  package func bodyLimit(_ origin: PushProtocol) -> Int? { inbox.isUsed(origin) ? limits.bodyBytes : nil }

  /// Answers a request.
  package func answer(_ message: Message, from origin: PushProtocol) -> Reply {
    do throws(PushRefusal) {
      let metrics = inbox.metrics(origin)
      guard !metrics.isEmpty else {
        throw PushRefusal(404, "no workload of this process has a source of type \(origin.rawValue)")
      }
      let batch = try read(message, from: origin) { metrics.contains($0) }
      let outcome = inbox.receive(batch, from: origin)
      count(outcome, origin)
      let problem = Self.problem(of: outcome)
      note(problem, from: origin)
      return success(outcome, problem: problem, of: message, origin)
    } catch {
      note(error.problem, from: origin)
      return failure(error, of: message, origin)
    }
  }

  // MARK: Requests

  private func read(
    _ message: Message, from origin: PushProtocol, isWanted: (String) -> Bool
  ) throws(PushRefusal) -> PushBatch {
    let type = Self.mediaType(message.contentType)
    let encoding = message.contentEncoding?.lowercased() ?? "identity"
    switch origin {
    case .otlp:
      guard let type, ["application/x-protobuf", "application/json"].contains(type) else {
        throw PushRefusal(
          415,
          "the Content-Type is \(Self.shown(message.contentType)), expected application/x-protobuf or application/json")
      }
      let body = try unpacked(message.body, encoding)
      return type == "application/json"
        ? try OTLPDocument.batch(body, limit: limits.points, isWanted: isWanted)
        : try OTLPMessage.batch(body, limit: limits.points, isWanted: isWanted)
    case .remoteWrite:
      let parameters = message.contentType?.lowercased() ?? ""
      guard type == "application/x-protobuf", !parameters.contains("io.prometheus.write.v2") else {
        throw PushRefusal(
          415,
          "the Content-Type is \(Self.shown(message.contentType)), expected application/x-protobuf of remote write 1.0")
      }
      guard encoding == "snappy" else {
        throw PushRefusal(415, "the Content-Encoding is \(Self.shown(message.contentEncoding)), expected snappy")
      }
      if let version = message.version, !version.hasPrefix("0.1."), !version.hasPrefix("1.") {
        throw PushRefusal(415, "the version of remote write is \(Self.shown(version)), expected 0.1.0")
      }
      let body = try Snappy.decompress(message.body, limit: limits.bodyBytes)
      return try RemoteWriteMessage.batch(body, limit: limits.points, isWanted: isWanted)
    }
  }

  private func unpacked(_ body: [UInt8], _ encoding: String) throws(PushRefusal) -> [UInt8] {
    switch encoding {
    case "identity", "": return body
    case "gzip":
      do throws(GRPCStatus) { return try Gzip.decompress(body.span.bytes, maximumLength: limits.bodyBytes) } catch {
        throw error.code == .resourceExhausted
          ? PushRefusal(413, "the body has more than \(limits.bodyBytes) bytes after decompression")
          : PushRefusal(400, "the body is not complete gzip data")
      }
    default: throw PushRefusal(415, "the Content-Encoding is \(Self.shown(encoding)), expected gzip or none")
    }
  }

  /// A content type without its parameters.
  private static func mediaType(_ text: String?) -> String? {
    text.map { $0.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased() }
  }

  private static func shown(_ text: String?) -> String { text.map { "'\($0.prefix(60))'" } ?? "missing" }

  // MARK: Responses

  /// What a sender should hear of; repetitions are usual after a response was lost.
  private static func problem(of outcome: PushInbox.Outcome) -> String? {
    let reasons = PushRejection.allCases.filter { $0 != .duplicate && outcome.rejected[$0] != nil }
    guard !reasons.isEmpty else { return nil }
    return reasons.map { "\(outcome.rejected[$0] ?? 0) refused: \($0.explanation)" }.joined(separator: "; ")
  }

  private func success(
    _ outcome: PushInbox.Outcome, problem: String?, of message: Message, _ origin: PushProtocol
  ) -> Reply {
    guard origin == .otlp else { return Reply(status: 204, contentType: "text/plain", body: []) }
    let count = outcome.rejected.filter { $0.key != .duplicate }.values.reduce(0, +)
    guard Self.mediaType(message.contentType) == "application/json" else {
      let body = OTLPMessage.response(rejected: count, problem: problem ?? "")
      return Reply(status: 200, contentType: "application/x-protobuf", body: body)
    }
    return Reply(
      status: 200, contentType: "application/json", body: OTLPDocument.response(rejected: count, problem: problem ?? "")
    )
  }

  private func failure(_ refusal: PushRefusal, of message: Message, _ origin: PushProtocol) -> Reply {
    switch (origin, Self.mediaType(message.contentType)) {
    case (.remoteWrite, _):
      Reply(status: refusal.status, contentType: "text/plain; charset=utf-8", body: Array("\(refusal.problem)\n".utf8))
    case (.otlp, "application/x-protobuf"):
      Reply(
        status: refusal.status, contentType: "application/x-protobuf", body: OTLPMessage.failure(refusal.problem))
    default:
      Reply(status: refusal.status, contentType: "application/json", body: OTLPDocument.failure(refusal.problem))
    }
  }

  // MARK: Reports

  private func count(_ outcome: PushInbox.Outcome, _ origin: PushProtocol) {
    if outcome.received > 0 { received.with(origin.rawValue).increment(by: Double(outcome.received)) }
    if outcome.unselected > 0 { unselected.with(origin.rawValue).increment(by: Double(outcome.unselected)) }
    for (reason, count) in outcome.rejected {
      rejected.with(origin.rawValue, reason.rawValue).increment(by: Double(count))
    }
  }

  /// Logs the first refusal, and that there have been none for some time.
  private func note(_ problem: String?, from origin: PushProtocol) {
    let now = clock.now
    let (isFirst, isOver) = lastRefusals.withLock { last in
      let known = last[origin]
      let isOver = problem == nil && known.map { now > $0 + Self.calm } ?? false
      if problem != nil { last[origin] = now } else if isOver { last[origin] = nil }
      return (problem != nil && known == nil, isOver)
    }
    if isFirst, let problem {
      logger.warn("pushed points are refused", ["protocol": origin.rawValue, "reason": problem])
    } else if isOver {
      logger.info("pushed points are accepted again", ["protocol": origin.rawValue])
    }
  }
}
