#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Numbers in single precision that are stored in little space: as bytes, the lowest first, which JSON has as base64.
struct PackedNumbers: Codable, Equatable, Sendable {
  var values: [Float]

  init(_ values: [Float]) { self.values = values }

  init(from decoder: any Decoder) throws {
    let bytes = Array(try decoder.singleValueContainer().decode(Data.self))
    values = stride(from: 0, to: bytes.count - bytes.count % 4, by: 4).map { start in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
    }
  }

  func encode(to encoder: any Encoder) throws {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 4)
    for value in values { for shift in 0..<4 { bytes.append(UInt8(value.bitPattern >> UInt32(8 * shift) & 0xFF)) } }
    var container = encoder.singleValueContainer()
    try container.encode(Data(bytes))
  }
}
