/// Rendezvous hashing: every workload belongs to the member with the highest weight for it.
///
/// All processes reach the same result without communicating. When a member joins or leaves, only the workloads that it
/// gains or had are moved: about one in N (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates",
/// 1998).
enum Rendezvous {
  /// The member that owns a key; nil without members.
  static func owner(of key: String, among members: [String]) -> String? {
    members.max { left, right in
      let (l, r) = (weight(key, left), weight(key, right))
      return l == r ? left < right : l < r
    }
  }

  /// FNV-1a of both names (Fowler, Noll, Vo), mixed by the finalizer of SplitMix64 (Steele, Lea, Flood 2014), because
  /// the high bits of FNV alone are uneven. Swift's own hash differs from process to process.
  private static func weight(_ key: String, _ member: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in member.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = hash &* 0x100_0000_01B3
    for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
    return hash ^ hash >> 31
  }
}
