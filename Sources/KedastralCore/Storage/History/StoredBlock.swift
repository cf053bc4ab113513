#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What is stored of a workload beside its plan: a version, the fingerprint of what it belongs to, the content, and a checksum.
///
/// Layout: `K`, the kind, the version, eight bytes of fingerprint, the content, eight bytes of checksum of all before.
package struct StoredBlock: Equatable, Sendable {
  /// What the content is.
  package enum Kind: UInt8, Sendable, CaseIterable {
    /// The samples of a span of time.
    case samples = 0x53
    /// What a model session fitted.
    case fit = 0x46
    /// What a forecast loop knows beyond its plan and its history.
    case state = 0x4C
    /// What a model session knows beyond its fit.
    case session = 0x4D
  }

  /// Why bytes are not a block of the expected kind.
  package enum Defect: String, Error, Equatable, Sendable {
    /// The bytes are incomplete or changed.
    case damaged
    /// Another version of Kedastral wrote them.
    case otherVersion = "of another version"
  }

  /// The version of the layout and of the contents; a change of either needs another one.
  package static let version: UInt8 = 1
  private static let mark = UInt8(ascii: "K")
  private static let headBytes = 3

  /// The fingerprint of what the content belongs to.
  package let fingerprint: UInt64
  /// The content.
  package let content: [UInt8]

  package init(fingerprint: UInt64, content: [UInt8]) {
    self.fingerprint = fingerprint
    self.content = content
  }

  /// The bytes of a block.
  package func encoded(as kind: Kind) -> Data {
    var writer = ByteWriter()
    writer.append([Self.mark, kind.rawValue, Self.version])
    writer.append(fixed: fingerprint)
    writer.append(content)
    writer.append(fixed: Fingerprint(of: writer.bytes).bits)
    return Data(writer.bytes)
  }

  /// Reads a block.
  package init(_ data: Data, as kind: Kind) throws(Defect) {
    let bytes = [UInt8](data)
    guard bytes.count >= Self.headBytes, bytes[0] == Self.mark, bytes[1] == kind.rawValue else { throw .damaged }
    guard bytes[2] == Self.version else { throw .otherVersion }
    var reader = ByteReader(bytes.dropFirst(Self.headBytes))
    guard let fingerprint = reader.fixed(), reader.rest.count >= 8, let content = reader.take(reader.rest.count - 8),
      reader.fixed() == Fingerprint(of: bytes.dropLast(8)).bits
    else { throw .damaged }
    self.init(fingerprint: fingerprint, content: Array(content))
  }
}

/// A number that differs for different texts and bytes, and is the same in every process (FNV-1a; Fowler, Noll, Vo).
package struct Fingerprint: Equatable, Sendable {
  package private(set) var bits: UInt64 = 0xcbf2_9ce4_8422_2325

  /// The number as a text of hexadecimal digits.
  package var text: String { String(bits, radix: 16) }

  package init() {}

  package init(of bytes: some Sequence<UInt8>) { add(bytes) }

  package mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { bits = (bits ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
  }

  /// Adds a text, and its end.
  package mutating func add(_ text: String) {
    add(text.utf8)
    add(CollectionOfOne(0xFF))
  }
}
