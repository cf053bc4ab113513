import KedastralCore
import KedastralNet
import KedastralSources

extension SourceSection {
  private static let accessKeys = [
    "headers", "bearerToken", "bearerTokenFile", "basicUser", "basicPassword", "caFile", "certFile", "keyFile",
    "timeout", "proxy",
  ]

  /// What another series of the same workload shares: where and how to ask, not what is measured.
  var withoutMeasured: SourceSection {
    var shared = self
    shared.query = nil
    shared.label = nil
    shared.labelValue = nil
    shared.path = nil
    shared.metric = nil
    shared.valuePath = nil
    return shared
  }

  /// The keys that a source of a kind accepts, except `type`.
  static func keys(of kind: SourceKind) -> [String] {
    switch kind {
    case .prometheus, .victoriametrics: ["url", "query", "label", "labelValue", "partialResponse"] + accessKeys
    case .http:
      ["url", "method", "body", "valuePath", "timestampPath", "timestampFormat", "templateVars", "bootstrap"]
        + accessKeys
    case .csv: ["path", "speed"]
    case .scrape: ["url", "metric", "labels", "bootstrap"] + accessKeys
    case .keda:
      [
        "address", "serverName", "namespace", "scaledObject", "trigger", "bootstrap", "caFile", "certFile", "keyFile",
        "timeout",
      ]
    case .otlp: ["metric", "attributes", "bootstrap"]
    case .remoteWrite: ["metric", "labels", "rate", "bootstrap"]
    }
  }

  /// The given keys, except `type`.
  private var present: [(key: String, origin: Origin)] {
    let all: [(String, Origin?)] = [
      ("url", url?.origin), ("query", query?.origin),
      ("label", label?.origin), ("labelValue", labelValue?.origin),
      ("partialResponse", partialResponse?.origin), ("method", method?.origin), ("headers", headers?.origin),
      ("body", body?.origin), ("valuePath", valuePath?.origin), ("timestampPath", timestampPath?.origin),
      ("timestampFormat", timestampFormat?.origin), ("templateVars", templateVars?.origin), ("path", path?.origin),
      ("speed", speed?.origin), ("metric", metric?.origin), ("labels", labels?.origin),
      ("attributes", attributes?.origin), ("rate", rate?.origin),
      ("address", address?.origin), ("serverName", serverName?.origin), ("namespace", namespace?.origin),
      ("scaledObject", scaledObject?.origin), ("trigger", trigger?.origin), ("bootstrap", bootstrap?.origin),
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
    // A label belongs to its query, and a value of it to one workload.
    result.label = label ?? (query == nil ? defaults.label : nil)
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
    result.attributes = attributes ?? defaults.attributes
    result.rate = rate ?? defaults.rate
    result.address = address ?? defaults.address
    result.serverName = serverName ?? defaults.serverName
    result.namespace = namespace ?? defaults.namespace
    result.scaledObject = scaledObject ?? defaults.scaledObject
    result.trigger = trigger ?? defaults.trigger
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
  /// The workload's name, which is the value of the source's label unless another one is given.
  var workload: String?
  /// Whether the client certificate is given elsewhere than by files.
  var hasCertificate = false
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
          kind: kind, endpoint: endpoint(url), query: query, series: series(), partialResponse: partial.value))
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
          templateVars: given.value(Settings.adapterTemplateVars, section?.templateVars)?.value.pairs ?? [:],
          bootstrap: bootstrap()))
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
          labels: given.value(Settings.adapterLabels, section?.labels)?.value.pairs ?? [:], bootstrap: bootstrap()))
    case .keda: return keda()
    case .otlp:
      return push(.otlp, attributes: given.value(Settings.adapterAttributes, section?.attributes)?.value.pairs)
    case .remoteWrite:
      return push(
        .remoteWrite, attributes: given.value(Settings.adapterLabels, section?.labels)?.value.pairs,
        isCount: given.value(Settings.adapterRate, section?.rate)?.value)
    }
  }

  private func push(
    _ origin: PushProtocol, attributes: [String: String]?, isCount: Bool? = nil
  ) -> SourceConfiguration? {
    guard let metric = text(Settings.adapterMetric, section?.metric) else { return nil }
    return .push(
      PushSourceConfiguration(
        selector: PushSelector(origin, metric: metric, attributes: attributes ?? [:], isCount: isCount),
        bootstrap: bootstrap()))
  }

  private func keda() -> SourceConfiguration? {
    let namespace = text(Settings.adapterNamespace, section?.namespace)
    let object = text(Settings.adapterScaledObject, section?.scaledObject)
    let trigger = text(Settings.adapterTrigger, section?.trigger)
    let address = given.value(Settings.adapterAddress, section?.address)
    let files = tlsFiles()
    if let origin = address?.origin, files.certificate == nil, !hasCertificate {
      problems.add(
        workloadOrigin ?? origin,
        "KEDA's metrics service requires a client certificate; give certFile and keyFile (-adapter-cert-file, -adapter-key-file), and caFile for the authority of its own"
      )
    }
    guard let namespace, let object, let trigger, let address else { return nil }
    return .keda(
      KedaSourceConfiguration(
        server: RawMetricsFeed.Server(
          address.value, tls: files, serverName: given.text(Settings.adapterServerName, section?.serverName)?.value,
          timeout: timeout()),
        namespace: namespace, scaledObject: object, trigger: trigger, bootstrap: bootstrap()))
  }

  /// The past of a source that has none.
  private func bootstrap() -> BootstrappedSource.Location? {
    guard let text = given.text(Settings.adapterBootstrap, section?.bootstrap) else { return nil }
    guard text.value.contains("://") else { return .file(text.value) }
    guard let url = WebURL(text.value) else {
      problems.add(
        text.origin, "'\(Redaction.shown(text.value))' is not an http or https URL; write one, or the path of a file")
      return nil
    }
    return .url(HTTPEndpoint(url.text, proxy: .environment()))
  }

  private func timeout() -> Duration {
    let timeout = given.value(Settings.adapterTimeout, section?.timeout)
    if let timeout, timeout.value <= .zero {
      problems.add(timeout.origin, "the timeout is not positive; write one such as 10s")
    }
    return timeout?.value ?? .seconds(10)
  }

  private func tlsFiles() -> TLSContext.Files {
    let certificate = given.text(Settings.adapterCertFile, section?.certFile)
    let key = given.text(Settings.adapterKeyFile, section?.keyFile)
    if let lonely = certificate ?? key, certificate == nil || key == nil {
      problems.add(
        lonely.origin,
        "a certificate and its key must be given together; give both -adapter-cert-file and -adapter-key-file")
    }
    return TLSContext.Files(
      certificate: certificate?.value, key: key?.value,
      authorities: given.text(Settings.adapterCAFile, section?.caFile)?.value)
  }

  private func series() -> LabelledSeries? {
    let label = given.text(Settings.adapterLabel, section?.label)
    let value = given.text(Settings.adapterLabelValue, section?.labelValue)
    guard let label else {
      if let value {
        problems.add(value.origin, "a label value is given without a label; give the label whose value it is as well")
      }
      return nil
    }
    if !Self.isLabelName(label.value) {
      problems.add(
        label.origin,
        "'\(Redaction.shown(label.value))' is not a label's name; write letters, digits and '_', such as app")
    }
    return (value?.value ?? workload).map { LabelledSeries(label: label.value, value: $0) }
  }

  /// Whether a text matches `^[A-Za-z_][A-Za-z0-9_]*$`.
  private static func isLabelName(_ text: String) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { byte == 0x5F || (0x61...0x7A).contains(byte | 0x20) }
    guard let first = text.utf8.first, isLetter(first) else { return false }
    return text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
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
    let timeout = timeout()
    let headers = given.value(Settings.adapterHeaders, section?.headers)?.value.pairs ?? [:]
    return HTTPEndpoint(
      url.text, credentials: credentials(),
      tls: tlsFiles(), headers: headers.sorted { $0.key < $1.key }.map { HTTPHeader($0.key, $0.value.text) },
      proxy: given.value(Settings.adapterProxy, section?.proxy)?.value ?? .environment(), deadline: timeout)
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
