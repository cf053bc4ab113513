import Foundation
import KedastralNet
import Synchronization

/// A real HTTP server that misbehaves on demand; well-behaved ones are real products in these tests.
final class FaultServer: Sendable {
  struct Request: Sendable {
    let line: String
    let headers: [String: String]
    let body: String
  }

  enum Answer: Sendable {
    case answer(status: Int = 200, headers: [String] = [], body: [UInt8] = [])
    /// Exactly these bytes, and the end of the connection.
    case raw(String)
    /// A good answer, and the end of the connection that it did not announce.
    case answerAndHangUp(String)
    /// Nothing, for ever.
    case silence

    static func json(_ text: String, status: Int = 200) -> Answer { .answer(status: status, body: Array(text.utf8)) }
  }

  private final class Log: Sendable {
    let state = Mutex<(requests: [Request], connectionCount: Int)>(([], 0))
  }

  let url: String
  private let loop: EventLoop
  private let kept: LoopBound<(listener: Listener?, streams: [ByteStream])>
  private let log = Log()

  /// Starts a server on a free port that answers each request by `respond`.
  init(
    on loop: EventLoop, tls: TLSContext? = nil, respond: @escaping @Sendable (Request) -> Answer
  ) async throws {
    self.loop = loop
    let log = log
    let (kept, port) = try await loop.run {
      let kept = LoopBound<(listener: Listener?, streams: [ByteStream])>((nil, []), to: loop)
      let listener = try Listener(on: loop, at: ListenAddress(host: "127.0.0.1", port: 0)) { descriptor in
        guard let stream = ByteStream(on: loop, accepted: descriptor, tls: tls) else { return }
        log.state.withLock { $0.connectionCount += 1 }
        stream.onInput = { [unowned stream] in Self.serve(stream, log, respond) }
        stream.onEvent = { [unowned stream] event in
          switch event {
          case .closedByPeer, .failed, .timedOut: stream.close()
          case .connected, .drained: break
          }
        }
        kept.withValue { $0.streams.append(stream) }
      }
      kept.withValue { $0.listener = listener }
      return (kept, listener.address.port)
    }
    self.kept = kept
    url = "\(tls == nil ? "http" : "https")://127.0.0.1:\(port)"
  }

  var requests: [Request] { log.state.withLock { $0.requests } }
  var connectionCount: Int { log.state.withLock { $0.connectionCount } }

  /// Closes all connections and the port.
  func stop() async throws {
    try await loop.run { [kept] in
      kept.withValue { state in
        for stream in state.streams { stream.close() }
        state = (nil, [])
      }
    }
  }

  private static func serve(_ stream: ByteStream, _ log: Log, _ respond: (Request) -> Answer) {
    var request: Request?
    stream.withInput { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      guard let headEnd = text.firstRange(of: "\r\n\r\n") else { return 0 }
      let lines = text[..<headEnd.lowerBound].components(separatedBy: "\r\n")
      var headers: [String: String] = [:]
      for line in lines.dropFirst() {
        guard let colon = line.firstIndex(of: ":") else { continue }
        headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      }
      let headBytes = text[..<headEnd.upperBound].utf8.count
      let bodyBytes = headers["content-length"].flatMap { Int($0) } ?? 0
      guard bytes.count >= headBytes + bodyBytes else { return 0 }
      let body = String(decoding: bytes[headBytes..<headBytes + bodyBytes], as: UTF8.self)
      request = Request(line: lines[0], headers: headers, body: body)
      return headBytes + bodyBytes
    }
    guard let request else { return }
    log.state.withLock { $0.requests.append(request) }
    switch respond(request) {
    case .silence: break
    case .raw(let text):
      write(Array(text.utf8), to: stream)
      stream.close()
    case .answer(let status, let headers, let body):
      write(head(status, headers, body.count) + body, to: stream)
    case .answerAndHangUp(let text):
      write(head(200, [], text.utf8.count) + Array(text.utf8), to: stream)
      stream.close()
    }
  }

  private static func head(_ status: Int, _ headers: [String], _ length: Int) -> [UInt8] {
    let lines = ["HTTP/1.1 \(status) Status", "Content-Length: \(length)"] + headers
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  private static func write(_ bytes: [UInt8], to stream: ByteStream) { bytes.withUnsafeBytes { stream.write($0) } }
}
