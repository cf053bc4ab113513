import COpenSSL

/// What a server's TLS context decides by itself during handshakes. OpenSSL's context owns it.
final class TLSPolicy: Sendable {
  /// The protocols to negotiate, in ALPN's form: each after a byte with its length.
  let protocols: [UInt8]
  /// The names of which a client's certificate must have one; empty when any will do.
  private let peers: Set<String>
  /// The common names of which a client's certificate must have one; empty when any will do.
  private let commonNames: Set<String>

  init(protocols: [UInt8], peers: Set<String>, commonNames: Set<String> = []) {
    self.protocols = protocols
    self.peers = peers
    self.commonNames = commonNames
  }

  /// Has `context` own this policy.
  func attach(to context: OpaquePointer) {
    SSL_CTX_set_ex_data(context, Self.index, Unmanaged.passRetained(self).toOpaque())
  }

  /// Where the policy is among a context's data; OpenSSL lets go of it with the context.
  private static let index = CRYPTO_get_ex_new_index(
    CRYPTO_EX_INDEX_SSL_CTX, 0, nil, nil, nil,
    { _, pointer, _, _, _, _ in
      if let pointer { Unmanaged<TLSPolicy>.fromOpaque(pointer).release() }
    })

  /// Where in the client's offer the first of our protocols is.
  func choice(of offer: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
    Self.entries(protocols).lazy.compactMap { own in
      Self.entries(offer).first { offer[$0].elementsEqual(self.protocols[own]) }
    }.first
  }

  /// The ranges of the names in a list where each follows its length.
  private static func entries(_ list: some RandomAccessCollection<UInt8>) -> [Range<Int>] {
    let bytes = Array(list)
    var ranges: [Range<Int>] = []
    var start = 0
    while start < bytes.count {
      let range = start + 1..<start + 1 + Int(bytes[start])
      guard range.upperBound <= bytes.count else { break }
      ranges.append(range)
      start = range.upperBound
    }
    return ranges
  }

  /// Whether a certificate of a client's chain will do: OpenSSL's judgement, and for the client's own the list of names.
  static func admits(_ verification: OpaquePointer?, isFine: Bool) -> Bool {
    guard isFine, X509_STORE_CTX_get_error_depth(verification) == 0 else { return isFine }
    let connection = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx())
    guard let connection, let data = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(OpaquePointer(connection)), index) else {
      return false
    }
    let policy = Unmanaged<TLSPolicy>.fromOpaque(data).takeUnretainedValue()
    let certificate = X509_STORE_CTX_get_current_cert(verification)
    if policy.admits(certificate) { return true }
    X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION)
    return false
  }

  private func admits(_ certificate: OpaquePointer?) -> Bool {
    if peers.isEmpty && commonNames.isEmpty { return true }
    guard let certificate else { return false }
    if !peers.isEmpty, peers.isDisjoint(with: Self.alternativeNames(of: certificate)) { return false }
    return commonNames.isEmpty || Self.commonName(of: certificate).map(commonNames.contains) ?? false
  }

  /// The common name of a certificate's subject; nil unless there is exactly one.
  private static func commonName(of certificate: OpaquePointer) -> String? {
    guard let subject = X509_get_subject_name(certificate) else { return nil }
    let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
    guard index >= 0, X509_NAME_get_index_by_NID(subject, NID_commonName, index) < 0,
      let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index))
    else { return nil }
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = ASN1_STRING_to_UTF8(&bytes, value)
    guard count >= 0, let bytes else { return nil }
    defer { CRYPTO_free(bytes, nil, 0) }
    return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
  }

  /// The DNS names and URIs that a certificate is made out to.
  private static func alternativeNames(of certificate: OpaquePointer) -> [String] {
    guard let list = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
    let names = OpaquePointer(list)
    defer { GENERAL_NAMES_free(names) }
    return (0..<OPENSSL_sk_num(names)).compactMap { index in
      guard let name = OPENSSL_sk_value(names, index)?.assumingMemoryBound(to: GENERAL_NAME.self).pointee,
        [GEN_DNS, GEN_URI].contains(name.type), let text = name.d.ia5, let bytes = ASN1_STRING_get0_data(text)
      else { return nil }
      // A name with a zero inside stays one name.
      return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(ASN1_STRING_length(text))), as: UTF8.self)
    }
  }
}
