import CExternalScaler
import Glibc

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
