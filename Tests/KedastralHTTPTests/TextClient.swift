import TestSupport

/// A socket that sends what a test wants, as slowly as it wants.
final class TextClient {
  private let socket: LoopbackSocket

  init(port: UInt16, receiveBuffer: CInt? = nil) throws {
    socket = try LoopbackSocket(port: port, receiveBuffer: receiveBuffer)
  }

  /// Ends the connection.
  func end() { socket.end() }

  /// Sends bytes; false when the server has closed.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool { socket.send(bytes) }

  /// What comes until the text is there, or the end.
  func read(until text: String) -> String {
    var input: [UInt8] = []
    while !String(decoding: input, as: UTF8.self).contains(text), let more = socket.receive() { input += more }
    return String(decoding: input, as: UTF8.self)
  }

  /// All bytes until the server closes.
  func readToEnd() -> String {
    var input: [UInt8] = []
    while let more = socket.receive() { input += more }
    return String(decoding: input, as: UTF8.self)
  }
}
