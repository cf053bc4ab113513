import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What stands under a key, as far as it is worth having.
enum StoredValue: Equatable {
  /// Nothing.
  case missing
  /// A value of acceptable size.
  case bytes([UInt8])
  /// Something that is no snapshot, and why.
  case unreadable(String)

  /// Reads no more than one byte beyond the largest value: enough to know that it is too large.
  static func command(key: String, _ configuration: RedisStore.Configuration) -> RedisCommand {
    RedisCommand("GETRANGE", key, "0", "\(configuration.maximumValueBytes)", key: key)
  }

  /// Judges the reply to ``command(key:_:)``.
  init(_ reply: RESPValue, _ configuration: RedisStore.Configuration) {
    switch reply {
    case .bytes(let bytes) where bytes.count > configuration.maximumValueBytes:
      self = .unreadable("the value is larger than \(configuration.maximumValueBytes) bytes")
    case .bytes(let bytes): self = bytes.isEmpty ? .missing : .bytes(bytes)
    case .error(let text): self = .unreadable(ReplyVerdict.plainText(text))
    default: self = .unreadable("unexpected answer: \(reply.summary)")
    }
  }

  /// A value that belongs to another workload than its key says.
  struct WrongWorkload: Error, CustomStringConvertible {
    let workload: WorkloadName
    var description: String { "the snapshot is of workload '\(workload)'" }
  }

  /// Reads the snapshot under a key.
  static func snapshot(_ bytes: [UInt8], key: String, workload: WorkloadName) throws -> Snapshot {
    let isReference = key.hasPrefix(RedisStore.Configuration.referencePrefix)
    let snapshot =
      isReference ? try ReferenceSnapshot.snapshot(json: Data(bytes)) : try Snapshot(json: Data(bytes))
    guard snapshot.workload == workload else { throw WrongWorkload(workload: snapshot.workload) }
    return snapshot
  }
}
