import FoundationEssentials
import Glibc
import KedastralCore
import KedastralNet
import KedastralTesting
import Synchronization

@testable import KedastralGRPC
@testable import KedastralHTTP

private let noon = Date(timeIntervalSince1970: 1_800_000_000)

/// A snapshot that the servers answer from.
private func snapshot() -> Snapshot? {
  guard let workload = try? WorkloadName("api") else { return nil }
  return try? Snapshot(
    workload: workload, metric: "rps", generatedAt: noon, step: .seconds(60), horizon: .seconds(180),
    values: [100, 200, 300], desiredReplicas: [1, 2, 3], plannedLoad: [120, 240, 360], targetPerPod: 100)
}

/// A whole scaler server: a client sends the input and closes; the server must end the connection.
// Safe to share: one thread, libFuzzer's, uses it; the worker is touched on its loop alone.
final class HTTP2Fuzzer: @unchecked Sendable {
  static let shared = HTTP2Fuzzer()

  private let loop: EventLoop
  private var worker: ScalerWorker?

  private init() {
    guard let loop = try? EventLoop() else { exit(2) }
    self.loop = loop
    onLoop { [self] in
      worker = try? ScalerWorker(
        on: loop, at: ListenAddress(host: "127.0.0.1", port: 0), sharesPort: false,
        ScalerWorker.Settings(
          tls: nil, defaults: ScalerDefaults(), limits: GRPCLimits(), clock: ManualClock(at: noon),
          metrics: MetricsRegistry(), logger: .silent,
          record: ScalerRecord(metrics: MetricsRegistry(), logger: .silent),
          series: ScalerSeries(MetricsRegistry()), problem: { _ in nil }))
      if let snapshot = snapshot() { worker?.apply(.put(snapshot)) }
      worker?.setReady(true)
    }
    demand(worker != nil, "the server does not start")
  }

  func run(_ input: [UInt8]) {
    var ends: [CInt] = [0, 0]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { exit(2) }
    let (client, server) = (ends[0], ends[1])
    defer { close(client) }
    _ = fcntl(server, F_SETFL, O_NONBLOCK)
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(client, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
    onLoop { [self] in worker?.server.accept(server) }
    // The preface is given, so that no input is spent on guessing it; 0xFF as first byte leaves it out.
    let isRaw = input.first == 0xFF
    let bytes = isRaw ? Array(input.dropFirst()) : Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + input
    _ = bytes.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    shutdown(client, Int32(SHUT_WR))
    var answer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(client, &answer, answer.count, 0)
      if count > 0 { continue }
      demand(count == 0 || errno == ECONNRESET, "the server keeps a connection that its client has closed")
      break
    }
    // What the server has ended it drops soon, though not at once: what it was sent is read to its end.
    for _ in 0..<500 {
      if connectionCount() == 0 { return }
      usleep(10_000)
    }
    demand(false, "the server forgets to drop a connection")
  }

  private func connectionCount() -> Int {
    let count = Mutex(0)
    onLoop { [self] in
      let now = worker?.server.connectionCount ?? 0
      count.withLock { $0 = now }
    }
    return count.withLock { $0 }
  }

  private func onLoop(_ work: @escaping @Sendable () -> Void) {
    var isDone = sem_t()
    sem_init(&isDone, 0, 0)
    withUnsafeMutablePointer(to: &isDone) { pointer in
      let address = UInt(bitPattern: pointer)
      loop.execute {
        work()
        if let pointer = UnsafeMutablePointer<sem_t>(bitPattern: address) { sem_post(pointer) }
      }
      while sem_wait(pointer) != 0 {}
    }
  }
}

/// The messages of all services, and what a trigger makes of its metadata.
func fuzzProtobuf(_ bytes: [UInt8]) {
  guard let kind = bytes.first else { return }
  let message = Array(bytes.dropFirst())
  let span = message.span.bytes
  let codec = ExternalScalerCodec()
  switch kind % 7 {
  case 0:
    guard let reference = try? codec.reference(span) else { return }
    var leadTimes = LeadTimes()
    let trigger = try? Trigger(reference, defaultLeadTime: .seconds(300), leadTimes: &leadTimes)
    if let trigger, let snapshot = snapshot() {
      _ = snapshot.answer(trigger.question, at: noon)
    }
    // What was read is written again, and reads the same.
    let written = ExternalScalerClientCodec.encode(reference)
    let again = try? codec.reference(written.span.bytes)
    demand(again?.name == reference.name, "a reference changes when it is written and read")
  case 1: _ = try? codec.metricsRequest(span)
  case 2: _ = try? HealthCodec.service(span)
  case 3: _ = try? ReflectionCodec.response(to: span) { _ in .services(["a"]) }
  case 4: _ = try? ExternalScalerClientCodec.isActive(span)
  case 5: _ = try? ExternalScalerClientCodec.specs(span)
  default: _ = try? ExternalScalerClientCodec.values(span)
  }
}

/// Requests for the forecaster's API: their heads as they come, and then what they ask.
func fuzzHTTP(_ bytes: [UInt8]) {
  bytes.withUnsafeBytes {
    guard case .complete(let head, let length) = HTTPRequestHead.find(in: $0, limit: 2048),
      case .complete(let whole, let end) = head.withBody(in: $0, headLength: length, limit: 1024)
    else { return }
    demand(end <= $0.count && whole.request.body.count <= 1024, "a body of \(whole.request.body.count) bytes")
  }
  let board = ForecastBoard(
    clock: ManualClock(at: noon), leadTime: .seconds(300), interval: { _ in .seconds(30) }, metrics: MetricsRegistry())
  if let snapshot = snapshot() { board.apply(.put(snapshot)) }
  var router = HTTPRouter()
  router.addForecasts(board, history: nil, texts: nil)
  let parts = String(decoding: bytes, as: UTF8.self).split(separator: "\n", maxSplits: 1)
  let targets = parts.isEmpty ? [""] : parts
  for target in targets {
    for path in ["", "/forecast/current?", "/history?"] {
      let request = HTTPRequest(method: "GET", target: path + target, authorization: String(parts.last ?? ""))
      guard case .handler(let handler, _, _) = router.match(request), case .now(let response) = handler(request) else {
        continue
      }
      demand((200..<600).contains(response.status), "a status of \(response.status)")
    }
  }
}

/// Label selectors of external metrics, and the paths before them.
func fuzzExternalMetrics(_ bytes: [UInt8]) {
  let parts = String(decoding: bytes, as: UTF8.self).split(separator: "\n", maxSplits: 1)
  let selector = String(parts.first ?? "")
  if let labels = try? ExternalMetricsAPI.labels(selector) {
    demand(labels.keys.allSatisfy { !$0.isEmpty && selector.contains($0) }, "a label that the selector does not have")
  }
  let api = ExternalMetricsAPI(defaults: .init(leadTime: .seconds(300), staleAfter: .seconds(120)))
  let plan = snapshot()
  for path in ["/namespaces/shop/\(ExternalMetricsAPI.metric)", String(parts.last ?? "")] {
    let answer = api.answer(ExternalMetricsAPI.root + path, selector: selector, at: noon) { $0 == "api" ? plan : nil }
    demand([200, 400, 404, 503].contains(answer.status), "a status of \(answer.status)")
    demand(answer.body.first == UInt8(ascii: "{"), "an answer that is not JSON")
    let isNamed = (try? ExternalMetricsAPI.labels(selector))?["workload"] == "api"
    demand(answer.status != 200 || isNamed, "a value of a workload that the selector does not name")
  }
}
