import CNghttp2

/// Header fields in the form that nghttp2 takes.
///
/// Those that every answer carries are made once and never freed, so nghttp2 need not copy them; the others live as long as
/// the closure that uses them, and nghttp2 copies.
// Safe to share: constant after the initialiser.
struct HeaderBlock: @unchecked Sendable {
  let fields: UnsafePointer<nghttp2_nv>
  let count: Int

  /// The headers of an answer with messages.
  static let answer = HeaderBlock(immortal: answerFields)
  /// The trailers of success.
  static let success = HeaderBlock(immortal: [("grpc-status", "0")])

  private static let answerFields = [(":status", "200"), ("content-type", "application/grpc")]
  /// The headers before the status of a response that has only a status.
  static let refusalFields = answerFields + [("grpc-accept-encoding", "identity,gzip")]

  private init(immortal list: [(name: String, value: String)]) {
    let fields = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: list.count)
    for (index, field) in list.enumerated() {
      fields[index] = nghttp2_nv(
        name: Self.copy(field.name), value: Self.copy(field.value), namelen: field.name.utf8.count,
        valuelen: field.value.utf8.count,
        flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue))
    }
    self.fields = UnsafePointer(fields)
    count = list.count
  }

  private static func copy(_ text: String) -> UnsafeMutablePointer<UInt8> {
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
    _ = bytes.initialize(from: text.utf8)
    return bytes.baseAddress ?? UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
  }

  /// Lends `list` in nghttp2's form for the time of `body`.
  static func withTemporary(
    _ list: [(name: String, value: String)], _ body: (UnsafePointer<nghttp2_nv>, Int) -> Void
  ) {
    var text: [UInt8] = []
    for field in list {
      text += field.name.utf8
      text += field.value.utf8
    }
    text.append(0)
    text.withUnsafeMutableBufferPointer { buffer in
      guard var next = buffer.baseAddress else { return }
      let fields = list.map { field in
        let (name, value) = (next, next + field.name.utf8.count)
        next = value + field.value.utf8.count
        return nghttp2_nv(
          name: name, value: value, namelen: field.name.utf8.count, valuelen: field.value.utf8.count,
          flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
      }
      fields.withUnsafeBufferPointer { fields in
        if let start = fields.baseAddress { body(start, fields.count) }
      }
    }
  }
}
