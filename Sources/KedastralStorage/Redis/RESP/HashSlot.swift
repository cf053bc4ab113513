/// The slot of a cluster that a key belongs to, 0 to 16383.
///
/// Redis Cluster Specification, "Key distribution model" and "Hash tags": CRC-16 of the key, or of the text between its
/// first `{` and the next `}` when that is not empty, modulo 16384.
struct HashSlot: Hashable, Sendable {
  /// How many slots there are.
  static let count = 16_384

  /// The slot's number.
  let number: Int

  /// The slot with a given number; nil when it is out of range.
  init?(number: Int) {
    guard (0..<Self.count).contains(number) else { return nil }
    self.number = number
  }

  /// The slot of a key.
  init(key: String) {
    number = Int(Self.crc16(Self.hashedPart(of: Array(key.utf8)))) % Self.count
  }

  private static func hashedPart(of key: [UInt8]) -> ArraySlice<UInt8> {
    guard let open = key.firstIndex(of: UInt8(ascii: "{")) else { return key[...] }
    let rest = key[(open + 1)...]
    guard let close = rest.firstIndex(of: UInt8(ascii: "}")), close > rest.startIndex else { return key[...] }
    return rest[..<close]
  }

  /// CRC-16/XMODEM: polynomial 0x1021, initially 0.
  private static func crc16(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    bytes.reduce(0) { crc, byte in
      (0..<8).reduce(crc ^ UInt16(byte) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }
  }
}
