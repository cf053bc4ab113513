import KedastralCore

/// A message on the channel: the new value of a workload, or its removal.
enum UpdateMessage: Equatable {
  /// The value as stored.
  case value([UInt8])
  /// The workload was removed.
  case removal(WorkloadName)

  private static let removed = "removed "

  /// Reads a message.
  init(_ payload: [UInt8]) {
    if payload.starts(with: Self.removed.utf8),
      let workload = try? WorkloadName(String(decoding: payload.dropFirst(Self.removed.utf8.count), as: UTF8.self))
    {
      self = .removal(workload)
    } else {
      self = .value(payload)
    }
  }

  /// The message that announces a removal.
  static func removal(of workload: WorkloadName) -> String { removed + workload.text }
}
