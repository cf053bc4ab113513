import KedastralCore
import KedastralNet
import KedastralSources

extension SourceSection {
  private static let accessKeys = [
    "headers", "bearerToken", "bearerTokenFile", "basicUser", "basicPassword", "caFile", "certFile", "keyFile",
    "timeout", "proxy",
  ]

  /// The keys that a source of a kind accepts, except `type`.
  static func keys(of kind: SourceKind) -> [String] {
    switch kind {
    case .prometheus, .victoriametrics: ["url", "query", "partialResponse"] + accessKeys
    case .http:
      ["url", "method", "body", "valuePath", "timestampPath", "timestampFormat", "templateVars"] + accessKeys
    case .csv: ["path", "speed"]
    case .scrape: ["url", "metric", "labels"] + accessKeys
    }
  }

  /// The given keys, except `type`.
  private var present: [(key: String, origin: Origin)] {
    let all: [(String, Origin?)] = [
      ("url", url?.origin), ("query", query?.origin),
      ("partialResponse", partialResponse?.origin), ("method", method?.origin), ("headers", headers?.origin),
      ("body", body?.origin), ("valuePath", valuePath?.origin), ("timestampPath", timestampPath?.origin),
      ("timestampFormat", timestampFormat?.origin), ("templateVars", templateVars?.origin), ("path", path?.origin),
      ("speed", speed?.origin), ("metric", metric?.origin), ("labels", labels?.origin),
      ("bearerToken", bearerToken?.origin), ("bearerTokenFile", bearerTokenFile?.origin),
      ("basicUser", basicUser?.origin), ("basicPassword", basicPassword?.origin), ("caFile", caFile?.origin),
      ("certFile", certFile?.origin), ("keyFile", keyFile?.origin), ("timeout", timeout?.origin),
      ("proxy", proxy?.origin),
    ]
    return all.compactMap { key, origin in origin.map { (key, $0) } }
  }

  /// Notes keys that a source of `kind` does not take.
  func noteKeysOfOtherKinds(than kind: SourceKind, in problems: ProblemList) {
    let known = Self.keys(of: kind)
    for (key, origin) in present where !known.contains(key) {
      problems.add(
        origin, "a source of type \(kind.rawValue) has no key '\(key)'; its keys are \(known.joined(separator: ", "))")
    }
  }

  /// This section, completed from the defaults.
  ///
  /// A source of another type takes nothing, and one with a URL of its own no credentials: they are meant for the default's server.
  func inheriting(from defaults: SourceSection?) -> SourceSection {
    guard let defaults else { return self }
    if let type, type.value != defaults.type?.value ?? .prometheus { return self }
    var result = self
    result.type = type ?? defaults.type
    result.query = query ?? defaults.query
    result.partialResponse = partialResponse ?? defaults.partialResponse
    result.method = method ?? defaults.method
    result.body = body ?? defaults.body
    result.valuePath = valuePath ?? defaults.valuePath
    result.timestampPath = timestampPath ?? defaults.timestampPath
    result.timestampFormat = timestampFormat ?? defaults.timestampFormat
    result.path = path ?? defaults.path
    result.speed = speed ?? defaults.speed
    result.metric = metric ?? defaults.metric
    result.labels = labels ?? defaults.labels
    result.caFile = caFile ?? defaults.caFile
    result.certFile = certFile ?? defaults.certFile
    result.keyFile = keyFile ?? defaults.keyFile
    result.timeout = timeout ?? defaults.timeout
    result.proxy = proxy ?? defaults.proxy
    if let url, let defaultURL = defaults.url, url.value != defaultURL.value { return result }
    result.url = url ?? defaults.url
    result.headers = headers ?? defaults.headers
    result.templateVars = templateVars ?? defaults.templateVars
    if bearerToken == nil, bearerTokenFile == nil, basicUser == nil, basicPassword == nil {
      result.bearerToken = defaults.bearerToken
      result.bearerTokenFile = defaults.bearerTokenFile
      result.basicUser = defaults.basicUser
      result.basicPassword = defaults.basicPassword
    }
    return result
  }
}

/// Creates a source from flags, environment and file.
struct SourceReader {
  let given: GivenSettings
  /// What the file says, with its defaults.
  let section: SourceSection?
  /// Where the workload is described in the file; nil when flags describe it.
  let workloadOrigin: Origin?
  let problems: ProblemList

  /// The source, or nil when a required setting is missing; the problems are then recorded.
  func read() -> SourceConfiguration? {
    let kind = kind
    if let section { section.noteKeysOfOtherKinds(than: kind, in: problems) }
    switch kind {
    case .prometheus, .victoriametrics:
      guard let query = text(Settings.adapterQuery, section?.query),
        let url = given.value(Settings.adapterURL, section?.url)?.value ?? Self.defaultURL(of: kind),
        let partial = given.value(Settings.adapterPartialResponse, section?.partialResponse)
      else { return nil }
      return .prometheus(
        PrometheusSourceConfiguration(
          kind: kind, endpoint: endpoint(url), query: query, partialResponse: partial.value))
    case .http:
      let url = required(Settings.adapterURL, section?.url)
      guard let valuePath = text(Settings.adapterValuePath, section?.valuePath), let url,
        let method = given.value(Settings.adapterMethod, section?.method),
        let format = given.value(Settings.adapterTimestampFormat, section?.timestampFormat)
      else { return nil }
      return .http(
        HTTPSourceConfiguration(
          endpoint: endpoint(url), method: method.value, body: given.text(Settings.adapterBody, section?.body)?.value,
          valuePath: valuePath,
          timestampPath: given.text(Settings.adapterTimestampPath, section?.timestampPath)?.value,
          timestampFormat: format.value,
          templateVars: given.value(Settings.adapterTemplateVars, section?.templateVars)?.value.pairs ?? [:]))
    case .csv:
      let speed = given.value(Settings.adapterSpeed, section?.speed)
      if let speed, speed.value <= 0 {
        problems.add(speed.origin, "the speed \(speed.value) is not positive; write 1 for real time")
      }
      guard let path = text(Settings.adapterPath, section?.path), let speed else { return nil }
      return .csv(CSVSourceConfiguration(path: path, speed: speed.value))
    case .scrape:
      let url = required(Settings.adapterURL, section?.url)
      guard let metric = text(Settings.adapterMetric, section?.metric), let url else { return nil }
      return .scrape(
        ScrapeSourceConfiguration(
          endpoint: endpoint(url), metric: metric,
          labels: given.value(Settings.adapterLabels, section?.labels)?.value.pairs ?? [:]))
    }
  }

  private var kind: SourceKind {
    guard let kind = given.value(Settings.adapter, section?.type) else { return .prometheus }
    // The earlier names of the query said which of the two servers is meant.
    if kind.origin.isBuiltIn, let query = given.text(Settings.adapterQuery) {
      switch query.origin {
      case .flag("victoria-metrics-query"), .environment("VICTORIA_METRICS_QUERY"): return .victoriametrics
      default: break
      }
    }
    return kind.value
  }

  private static func defaultURL(of kind: SourceKind) -> WebURL? {
    WebURL(kind == .victoriametrics ? "http://localhost:8428" : "http://localhost:9090")
  }

  private func endpoint(_ url: WebURL) -> HTTPEndpoint {
    let timeout = given.value(Settings.adapterTimeout, section?.timeout)
    if let timeout, timeout.value <= .zero {
      problems.add(timeout.origin, "the timeout is not positive; write one such as 10s")
    }
    let certificate = given.text(Settings.adapterCertFile, section?.certFile)
    let key = given.text(Settings.adapterKeyFile, section?.keyFile)
    if let lonely = certificate ?? key, certificate == nil || key == nil {
      problems.add(
        lonely.origin,
        "a certificate and its key must be given together; give both -adapter-cert-file and -adapter-key-file")
    }
    let headers = given.value(Settings.adapterHeaders, section?.headers)?.value.pairs ?? [:]
    return HTTPEndpoint(
      url.text, credentials: credentials(),
      tls: TLSContext.Files(
        certificate: certificate?.value, key: key?.value,
        authorities: given.text(Settings.adapterCAFile, section?.caFile)?.value),
      headers: headers.sorted { $0.key < $1.key }.map { HTTPHeader($0.key, $0.value.text) },
      proxy: given.value(Settings.adapterProxy, section?.proxy)?.value ?? .environment(),
      deadline: timeout?.value ?? .seconds(10))
  }

  private func credentials() -> HTTPCredentials {
    let token = given.value(Settings.adapterBearerToken, section?.bearerToken)
    let tokenFile = given.text(Settings.adapterBearerTokenFile, section?.bearerTokenFile)
    let user = given.text(Settings.adapterBasicUser, section?.basicUser)
    let password = given.value(Settings.adapterBasicPassword, section?.basicPassword)
    let origins = [token?.origin, tokenFile?.origin, user?.origin].compactMap(\.self)
    if origins.count > 1 {
      problems.add(
        origins[1], "a bearer token, a bearer token file and a basic user are given together; keep one of them")
    }
    if let password, user == nil {
      problems.add(password.origin, "a basic password is given without a user; give the user as well")
    }
    if let token { return .bearer(token.value.text) }
    if let tokenFile { return .bearer(file: tokenFile.value) }
    if let user { return .basic(user: user.value, password: password?.value.text ?? "") }
    return .none
  }

  private func text(_ setting: Setting<String>, _ fromFile: Located<String>?) -> String? {
    if let value = given.text(setting, fromFile)?.value { return value }
    given.noteMissing(setting.descriptor, at: workloadOrigin)
    return nil
  }

  private func required<Value>(_ setting: Setting<Value>, _ fromFile: Located<Value>?) -> Value? {
    if let value = given.value(setting, fromFile)?.value { return value }
    given.noteMissing(setting.descriptor, at: workloadOrigin)
    return nil
  }
}
