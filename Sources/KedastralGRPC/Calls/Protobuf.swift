import CExternalScaler
import Glibc

/// What the codecs share.
enum Protobuf {
  /// The status for bytes that are not the message they should be.
  static func malformed(_ message: String) -> GRPCStatus {
    GRPCStatus(.invalidArgument, "the request is not a protobuf message of type \(message)")
  }

  /// A C string of an unpacked message, copied; protobuf's strings are UTF-8, which protobuf-c does not check.
  static func text(_ pointer: UnsafePointer<CChar>?) throws(GRPCStatus) -> String {
    guard let pointer else { return "" }
    guard let text = String(validatingCString: pointer) else {
      throw GRPCStatus(.invalidArgument, "a string in the request is not UTF-8")
    }
    return text
  }

  /// Makes room for `size` bytes at the end and has `pack` write exactly as many there.
  // The pointer has the room that is asked for, and lives as long as the call.
  static func append(_ size: Int, to output: inout [UInt8], _ pack: (UnsafeMutablePointer<UInt8>) -> Int) {
    guard size > 0 else { return }
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: size))
    output.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { _ = pack(base + start) }
    }
  }

  /// The next integer at or above a number, for clients that read the integer field.
  static func roundedUp(_ value: Double) -> Int64 {
    let integer = value.rounded(.up)
    return Int64(exactly: integer) ?? (integer > 0 ? .max : 0)
  }
}

/// Memory for one unpacked message at a time: a block that fills from its start and is empty again once all of it is freed.
///
/// A poll's message is a dozen small allocations, which so cost next to nothing. Messages that do not fit spill over to malloc.
// The block lives as long as the arena; protobuf-c gives every allocation back to `free`, in any order, before it is reused.
final class ProtobufArena {
  /// What protobuf-c is given.
  let allocator: UnsafeMutablePointer<ProtobufCAllocator>
  private let block: UnsafeMutableRawPointer
  private var used = 0
  private var liveCount = 0

  private static let capacity = 8 << 10

  init() {
    block = UnsafeMutableRawPointer.allocate(byteCount: Self.capacity, alignment: 16)
    allocator = UnsafeMutablePointer.allocate(capacity: 1)
    allocator.initialize(to: ProtobufCAllocator())
    allocator.pointee.alloc = { context, size in
      context.map { Unmanaged<ProtobufArena>.fromOpaque($0).takeUnretainedValue().allocate(size) } ?? nil
    }
    allocator.pointee.free = { context, pointer in
      guard let context, let pointer else { return }
      Unmanaged<ProtobufArena>.fromOpaque(context).takeUnretainedValue().release(pointer)
    }
    allocator.pointee.allocator_data = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit {
    allocator.deallocate()
    block.deallocate()
  }

  private func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size <= Self.capacity - used else { return malloc(size) }
    let place = block + used
    used = min(Self.capacity, (used + size + 15) & ~15)
    liveCount += 1
    return place
  }

  private func release(_ pointer: UnsafeMutableRawPointer) {
    guard pointer >= block, pointer < block + Self.capacity else { return free(pointer) }
    liveCount -= 1
    if liveCount == 0 { used = 0 }
  }
}
