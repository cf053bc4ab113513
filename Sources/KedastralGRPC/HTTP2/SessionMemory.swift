import CNghttp2
import Glibc

/// The memory of one nghttp2 session, whose largest part can be given back to the system while the session rests.
///
/// nghttp2 keeps a buffer of 16 KiB for outgoing frames from the beginning on; with thousands of idle connections that is most
/// of what they cost.
final class SessionMemory {
  private static let pageSize = 4096
  private var frameBuffer: UnsafeMutableRawPointer?

  /// Runs `body` with allocation functions that note the buffer here; the session must not outlive this object.
  func withFunctions<Result>(_ body: (UnsafeMutablePointer<nghttp2_mem>) -> Result) -> Result {
    var functions = nghttp2_mem(
      mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
      malloc: { size, context in SessionMemory.allocate(size, context) },
      free: { pointer, context in
        if let memory = SessionMemory.from(context), memory.frameBuffer == pointer { memory.frameBuffer = nil }
        Glibc.free(pointer)
      },
      calloc: { count, size, _ in Glibc.calloc(count, size) },
      realloc: { pointer, size, context in
        guard let pointer else { return SessionMemory.allocate(size, context) }
        if let memory = SessionMemory.from(context), memory.frameBuffer == pointer { memory.frameBuffer = nil }
        return Glibc.realloc(pointer, size)
      })
    return body(&functions)
  }

  /// Gives the pages of the frame buffer back; they are there again, empty, when they are written to.
  ///
  /// - Precondition: no frame is on its way out, so what the buffer holds is needed no more.
  func rest() {
    if let frameBuffer { madvise(frameBuffer, 4 * Self.pageSize, MADV_DONTNEED) }
  }

  /// What is as large as the frame buffer begins at a page, so that whole pages can be given back.
  private static func allocate(_ size: Int, _ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard size >= 4 * pageSize, let memory = from(context), memory.frameBuffer == nil else { return malloc(size) }
    var pointer: UnsafeMutableRawPointer?
    guard posix_memalign(&pointer, pageSize, size) == 0 else { return nil }
    memory.frameBuffer = pointer
    return pointer
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> SessionMemory? {
    context.map { Unmanaged<SessionMemory>.fromOpaque($0).takeUnretainedValue() }
  }
}
