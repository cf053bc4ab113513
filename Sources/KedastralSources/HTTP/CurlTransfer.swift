import CCurl
import Glibc
import KedastralCore
import KedastralNet

/// One request that libcurl processes; used only on the client's loop.
final class CurlTransfer {
  let identifier: Int
  let request: HTTPRequest
  let continuation: CheckedContinuation<HTTPResponse, any Error>
  var deadline: LoopTimer?

  /// What takes the body of a successful response as it arrives, and returns whether it takes more; nil to collect it.
  private let sink: (@Sendable ([UInt8]) -> Bool)?
  private var sinkIsDone = false

  private let authorization: String?
  /// The URL of the proxy, for errors.
  private var proxy: String?
  /// Whether `start` has been called; a transfer that waits in line has no handle yet.
  private(set) var isStarted = false
  private var easy: UnsafeMutableRawPointer?
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var errorText = UnsafeMutableBufferPointer<CChar>(start: nil, count: 0)
  private var body: [UInt8] = []
  private var isTooLarge = false
  private var setupCode = CURLE_OK

  /// - Parameter authorization: the value of the Authorization header, or nil for none.
  init(
    identifier: Int, request: HTTPRequest, authorization: String?,
    sink: (@Sendable ([UInt8]) -> Bool)? = nil, continuation: CheckedContinuation<HTTPResponse, any Error>
  ) {
    self.identifier = identifier
    self.request = request
    self.authorization = authorization
    self.sink = sink
    self.continuation = continuation
  }

  func error(_ reason: HTTPError.Reason) -> HTTPError { HTTPError(request, reason) }

  /// Hands the request to libcurl; `onEnd` is called once, unless `end` comes first.
  func start(
    in multi: CurlMulti, proxy: String?, onEnd: @escaping (Result<HTTPResponse, any Error>) -> Void
  ) {
    isStarted = true
    guard let easy = curl_easy_init() else { return onEnd(.failure(error(.network("libcurl is out of memory")))) }
    self.easy = easy
    // libcurl keeps this pointer: the buffer lives until `end` has freed the handle.
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0)
    note(kedastral_curl_setopt_pointer(easy, CURLOPT_ERRORBUFFER, errorText.baseAddress))
    self.proxy = proxy
    configure()
    setHeaders()
    setBody()
    setTLS()
    receiveBody()
    guard setupCode == CURLE_OK else { return onEnd(.failure(error(failure(setupCode)))) }
    let code = multi.add(easy) { [unowned self] code in onEnd(result(code)) }
    if code != CURLM_OK { onEnd(.failure(error(.network(String(cString: curl_multi_strerror(code)))))) }
  }

  /// Removes the request from libcurl and frees its memory.
  func end(in multi: CurlMulti) {
    if let easy {
      multi.remove(easy)
      curl_easy_cleanup(easy)
    }
    easy = nil
    curl_slist_free_all(headerList)
    headerList = nil
    errorText.deallocate()
    errorText = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// The progress of the request, for the timeout error.
  var phase: String {
    guard let easy else { return "queued behind other requests to this host" }
    func isReached(_ info: CURLINFO) -> Bool {
      var microseconds = 0
      return kedastral_curl_getinfo_long(easy, info, &microseconds) == CURLE_OK && microseconds > 0
    }
    let phase =
      if !body.isEmpty {
        "after \(body.count) bytes of the response"
      } else if isReached(CURLINFO_PRETRANSFER_TIME_T) {
        "waiting for the response"
      } else if isReached(CURLINFO_CONNECT_TIME_T) {
        "in the TLS handshake"
      } else {
        isReached(CURLINFO_NAMELOOKUP_TIME_T) ? "connecting" : "resolving the host name"
      }
    return phase + (proxyName.map { ", through the proxy \($0)" } ?? "")
  }

  // MARK: Setting up

  private func configure() {
    set(CURLOPT_URL, request.url)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_USERAGENT, "kedastral")
    // Empty texts, other than none, also switch the environment's proxies and exceptions off.
    set(CURLOPT_PROXY, proxy ?? "")
    set(CURLOPT_NOPROXY, "")
    if request.acceptsCompression { set(CURLOPT_ACCEPT_ENCODING, "gzip") }
  }

  private func setHeaders() {
    for header in request.endpoint.headers + request.headers { addHeader("\(header.name): \(header.value)") }
    if let authorization { addHeader("Authorization: \(authorization)") }
    // No waiting for "100 Continue" before a long body.
    addHeader("Expect:")
    note(kedastral_curl_setopt_pointer(easy, CURLOPT_HTTPHEADER, headerList))
  }

  private func addHeader(_ line: String) {
    guard let longer = curl_slist_append(headerList, line) else { return note(CURLE_OUT_OF_MEMORY) }
    headerList = longer
  }

  private func setBody() {
    let method = request.method
    // Servers expect a length, even 0, for methods with a body.
    let body = request.body ?? (["POST", "PUT", "PATCH"].contains(method) ? [] : nil)
    if let body {
      set(CURLOPT_POSTFIELDSIZE, body.count)
      note(
        body.withUnsafeBytes { bytes in
          // No pointer at all would make libcurl read the body from standard input.
          guard let start = bytes.baseAddress else {
            return kedastral_curl_setopt_string(easy, CURLOPT_COPYPOSTFIELDS, "")
          }
          return kedastral_curl_setopt_pointer(easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: start))
        })
    }
    if method == "HEAD" { set(CURLOPT_NOBODY, 1) }
    if method != (body == nil ? "GET" : "POST") { set(CURLOPT_CUSTOMREQUEST, method) }
  }

  private func setTLS() {
    let tls = request.endpoint.tls
    // A trusted certificate file is read again for connections after one minute.
    set(CURLOPT_CA_CACHE_TIMEOUT, 60)
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let authorities = tls.authorities {
      setPEM(CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, authorities)
      // Instead of the system's authorities, not in addition to them.
      note(kedastral_curl_setopt_string(easy, CURLOPT_CAPATH, nil))
    }
    let texts = request.endpoint.tlsTexts
    if let authorities = texts.authorities, tls.authorities == nil {
      setPEM(CURLOPT_CAINFO_BLOB, authorities)
      note(kedastral_curl_setopt_string(easy, CURLOPT_CAPATH, nil))
    }
    if let certificate = texts.certificate, tls.certificate == nil {
      setPEM(CURLOPT_SSLCERT_BLOB, certificate)
      setPEM(CURLOPT_SSLKEY_BLOB, texts.key ?? certificate)
    }
    if let certificate = tls.certificate {
      setPEM(CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, certificate)
      setPEM(CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, tls.key ?? certificate)
    }
  }

  /// Names a file, or hands over its text when it begins with a byte order mark, which OpenSSL does not skip.
  private func setPEM(_ file: CURLoption, _ blob: CURLoption, _ path: String) {
    guard let text = PEMFile.unmarked(path) else { return set(file, path) }
    setPEM(blob, text)
  }

  private func setPEM(_ blob: CURLoption, _ text: [UInt8]) {
    note(kedastral_curl_setopt_blob(easy, blob, text, text.count))
  }

  private func receiveBody() {
    // The handle is freed by `end`, which the client calls while it still owns this object.
    note(
      kedastral_curl_set_write_callback(
        easy,
        { data, _, count, context in
          guard let data, let context else { return 0 }
          let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
          return transfer.receive(UnsafeRawBufferPointer(start: data, count: count))
        }, Unmanaged.passUnretained(self).toOpaque()))
  }

  private func set(_ option: CURLoption, _ value: Int) { note(kedastral_curl_setopt_long(easy, option, value)) }

  private func set(_ option: CURLoption, _ value: String) { note(kedastral_curl_setopt_string(easy, option, value)) }

  private func note(_ code: CURLcode) {
    if setupCode == CURLE_OK { setupCode = code }
  }

  // MARK: The answer

  /// Accepts some bytes; a smaller number than received makes libcurl abort.
  private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
    if let sink, (200..<300).contains(status) {
      deadline?.restart()
      sinkIsDone = !sink(Array(bytes))
      return sinkIsDone ? 0 : bytes.count
    }
    guard body.count + bytes.count <= request.endpoint.maximumAnswerBytes else {
      isTooLarge = true
      return 0
    }
    body.append(contentsOf: bytes)
    return bytes.count
  }

  private func result(_ code: CURLcode) -> Result<HTTPResponse, any Error> {
    guard code == CURLE_OK || sinkIsDone else { return .failure(error(failure(code))) }
    var retryAfter = 0
    kedastral_curl_getinfo_long(easy, CURLINFO_RETRY_AFTER, &retryAfter)
    var location: UnsafeMutableRawPointer?
    kedastral_curl_getinfo_pointer(easy, CURLINFO_REDIRECT_URL, &location)
    return .success(
      HTTPResponse(
        status: status, body: body,
        location: location.map { String(cString: $0.assumingMemoryBound(to: CChar.self)) },
        retryAfter: retryAfter > 0 ? .seconds(retryAfter) : nil))
  }

  private var status: Int {
    var status = 0
    kedastral_curl_getinfo_long(easy, CURLINFO_RESPONSE_CODE, &status)
    return status
  }

  private func failure(_ code: CURLcode) -> HTTPError.Reason {
    if isTooLarge { return .answerTooLarge(limitBytes: request.endpoint.maximumAnswerBytes) }
    let text = errorText.baseAddress.map { String(cString: $0) } ?? ""
    let problem = (text.isEmpty ? String(cString: curl_easy_strerror(code)) : text) + wayText
    switch code {
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
      CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CLIENTCERT, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
      let isPlain = text.contains("wrong version number")
      return .tls(isPlain ? "the server does not use TLS; is its URL http://?" + wayText : problem)
    case CURLE_COULDNT_CONNECT:
      var systemError = 0
      kedastral_curl_getinfo_long(easy, CURLINFO_OS_ERRNO, &systemError)
      return .network("cannot connect: " + (systemError == 0 ? problem : errnoText(CInt(systemError)) + wayText))
    default:
      return .network(problem)
    }
  }

  private var proxyName: String? { proxy.map(HTTPRequest.redacted) }

  /// Through which proxy the request went, for errors.
  private var wayText: String { proxyName.map { " (through the proxy \($0))" } ?? "" }
}
