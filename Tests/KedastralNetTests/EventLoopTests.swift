import Foundation
import KedastralNet
import Synchronization
import TestSupport
import Testing

@Suite("Event loop")
struct EventLoopTests {
  actor Counter {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var count = 0

    init(loop: EventLoop) { self.loop = loop }

    func increment() -> Bool {
      count += 1
      return loop.isOnLoop
    }

    var value: Int { count }
  }

  @Test("an actor lives on the loop's thread, and its calls are not lost")
  func actorOnLoop() async throws {
    let loop = try EventLoop()
    let counter = Counter(loop: loop)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<1000 { group.addTask { await counter.increment() } }
      for await wasOnLoop in group { #expect(wasOnLoop) }
    }
    #expect(await counter.value == 1000)
    await loop.stop()
  }

  @Test("a C callback reaches an actor of the loop without a hop")
  func assumeIsolated() async throws {
    let loop = try EventLoop()
    let counter = Counter(loop: loop)
    let wasOnLoop = try await loop.run { counter.assumeIsolated { $0.increment() } }
    #expect(wasOnLoop)
    #expect(!loop.isOnLoop)
    await loop.stop()
  }

  @Test("a repeating timer fires until it is cancelled")
  func timer() async throws {
    let loop = try EventLoop()
    let ticks = Atomic<Int>(0)
    let timer = try await loop.run {
      LoopBound<LoopTimer?>(
        LoopTimer(on: loop, every: .milliseconds(1)) { ticks.add(1, ordering: .relaxed) }, to: loop)
    }
    try await eventually("ten ticks") { ticks.load(ordering: .relaxed) >= 10 }
    let atCancel = try await loop.run {
      timer.withValue { $0 = nil }
      return ticks.load(ordering: .relaxed)
    }
    _ = try await loop.run { true }
    #expect(ticks.load(ordering: .relaxed) == atCancel)
    await loop.stop()
  }

  @Test("stopping twice is harmless")
  func stopTwice() async throws {
    let loop = try EventLoop()
    await loop.stop()
    await loop.stop()
  }
}

@Suite("Listen addresses")
struct ListenAddressTests {
  @Test(
    "host, port and brackets are understood",
    arguments: [
      (":8081", "", 8081), ("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:50051", "::1", 50051),
      ("localhost:80", "localhost", 80),
    ] as [(String, String, UInt16)])
  func parses(text: String, host: String, port: UInt16) throws {
    let address = try ListenAddress(text)
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.description == text)
  }

  @Test(
    "an invalid address is refused with an example",
    arguments: ["8081", ":port", "::1:80", ":70000", "", ":+80", "a b:1", "[x]:1", "host:"])
  func refuses(text: String) {
    let error = #expect(throws: ListenAddress.ParseError.self) { try ListenAddress(text) }
    #expect(error?.description.contains(":8081") == true)
  }
}

@Suite("Listener and streams")
struct ListenerTests {
  /// An echo server on a free port.
  private func startEcho(on loop: EventLoop) async throws -> (ListenAddress, LoopBound<[AnyObject]>) {
    try await loop.run {
      let kept = LoopBound<[AnyObject]>([], to: loop)
      let listener = try Listener(on: loop, at: ListenAddress(host: "127.0.0.1", port: 0)) { descriptor in
        guard let stream = ByteStream(on: loop, accepted: descriptor) else { return }
        stream.onInput = { [unowned stream] in
          stream.withInput { bytes in
            stream.write(bytes)
            return bytes.count
          }
        }
        stream.onEvent = { [unowned stream] event in if case .closedByPeer = event { stream.close() } }
        kept.withValue { $0.append(stream) }
      }
      let address = listener.address
      kept.withValue { $0.append(listener) }
      return (address, kept)
    }
  }

  @Test("megabytes come back unchanged through a socket")
  func echo() async throws {
    let loop = try EventLoop()
    let (address, kept) = try await startEcho(on: loop)
    let folder = try TemporaryFolder()
    let payload = (0..<200_000).map { "line \($0)" }.joined(separator: "\n")
    let file = try folder.write(payload, to: "payload")
    let script = """
      import socket, sys, threading
      data = open(sys.argv[2], "rb").read()
      s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
      threading.Thread(target=s.sendall, args=(data,)).start()
      got = b""
      while len(got) < len(data):
        part = s.recv(65536)
        if not part: break
        got += part
      print("same" if got == data else "different")
      """
    let client = try ChildProcess("python3", "-c", script, "\(address.port)", file)
    #expect(try await client.waitForExit() == 0)
    #expect(client.output == "same\n")
    try await loop.run { kept.withValue { $0 = [] } }
    await loop.stop()
  }

  @Test("after the end of output the peer reads all of it, and is still heard")
  func endOfOutput() async throws {
    let loop = try EventLoop()
    let heard = KeptText()
    let kept = try await loop.run { LoopBound<[AnyObject]>([], to: loop) }
    let address = try await loop.run {
      let listener = try Listener(on: loop, at: ListenAddress(host: "127.0.0.1", port: 0)) { descriptor in
        guard let stream = ByteStream(on: loop, accepted: descriptor) else { return }
        stream.onInput = { [unowned stream] in
          stream.withInput { bytes in
            heard.add(String(decoding: bytes, as: UTF8.self))
            return bytes.count
          }
        }
        kept.withValue { $0.append(stream) }
        Array("that is all".utf8).withUnsafeBytes { stream.write($0) }
        stream.endOutput()
      }
      kept.withValue { $0.append(listener) }
      return listener.address
    }
    let script = """
      import socket, sys
      s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
      data = b""
      while part := s.recv(100): data += part
      s.sendall(b"understood")
      print(data.decode())
      """
    let client = try ChildProcess("python3", "-c", script, "\(address.port)")
    #expect(try await client.waitForExit() == 0)
    #expect(client.output == "that is all\n")
    try await eventually("the peer's words") { heard.text == "understood" }
    try await loop.run { kept.withValue { $0 = [] } }
    await loop.stop()
  }

  /// What a callback heard.
  private final class KeptText: Sendable {
    private let kept = Mutex("")
    var text: String { kept.withLock { $0 } }
    func add(_ text: String) { kept.withLock { $0 += text } }
  }

  @Test("a port in use is refused with the address and the reason")
  func portInUse() async throws {
    let loop = try EventLoop()
    let (address, kept) = try await startEcho(on: loop)
    let error = await #expect(throws: Listener.ListenError.self) {
      try await loop.run { _ = try Listener(on: loop, at: address) { _ in } }
    }
    #expect(error?.description == "cannot listen on \(address): the port is in use by another process")
    try await loop.run { kept.withValue { $0 = [] } }
    await loop.stop()
  }
}
