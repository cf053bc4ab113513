/// Emptied buffers of calls that are over, for the next calls to fill.
final class BufferPool {
  private var buffers: [[UInt8]] = []

  /// An empty buffer, with storage if there is one.
  func take() -> [UInt8] { buffers.popLast() ?? [] }

  /// Keeps an empty buffer, unless it is large or there are enough.
  func giveBack(_ buffer: [UInt8]) {
    if buffers.count < 512, (1...4096).contains(buffer.capacity) { buffers.append(buffer) }
  }
}
