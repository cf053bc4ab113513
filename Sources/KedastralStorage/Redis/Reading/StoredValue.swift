import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The value stored under a key, as far as it is usable.
enum StoredValue: Equatable {
  /// There is no value.
  case missing
  /// A value of acceptable size.
  case bytes([UInt8])
  /// A value that is not a valid snapshot, and why.
  case unreadable(String)

  /// Reads at most one byte more than the largest value, which is enough to detect that it is too large.
  static func command(key: String, _ configuration: RedisConfiguration) -> RedisCommand {
    RedisCommand("GETRANGE", key, "0", "\(configuration.maximumValueBytes)", key: key)
  }

  /// Interprets the reply to ``command(key:_:)``.
  init(_ reply: RESPValue, _ configuration: RedisConfiguration) {
    switch reply {
    case .bytes(let bytes) where bytes.count > configuration.maximumValueBytes:
      self = .unreadable("the value is larger than \(configuration.maximumValueBytes) bytes")
    case .bytes(let bytes): self = bytes.isEmpty ? .missing : .bytes(bytes)
    case .error(let text): self = .unreadable(ReplyVerdict.plainText(text))
    default: self = .unreadable("unexpected answer: \(reply.summary)")
    }
  }

  /// A value that belongs to a different workload than its key.
  struct WrongWorkload: Error, CustomStringConvertible {
    let workload: WorkloadName
    var description: String { "the snapshot is of workload '\(workload)'" }
  }

  /// Reads the snapshot under a key.
  static func snapshot(_ bytes: [UInt8], key: String, workload: WorkloadName) throws -> Snapshot {
    let isReference = key.hasPrefix(RedisConfiguration.referencePrefix)
    let snapshot = isReference ? try Snapshot(referenceJSON: Data(bytes)) : try Snapshot(json: Data(bytes))
    guard snapshot.workload == workload else { throw WrongWorkload(workload: snapshot.workload) }
    return snapshot
  }
}
