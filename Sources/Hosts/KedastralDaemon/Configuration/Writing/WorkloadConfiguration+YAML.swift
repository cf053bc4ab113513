import KedastralCore
import KedastralSources

extension WorkloadConfiguration {
  /// This workload as a separate configuration file with every setting.
  /// A secret is written as an environment variable, such as `${ADAPTER_BEARER_TOKEN}`, which the user of the file sets;
  /// passwords in URLs are masked.
  ///
  /// - Parameter leadTime: the scaler's lead time.
  package func yaml(leadTime: Duration) -> String {
    var text = YAMLText()
    text.comment("kedastral -config FILE")
    text.sequence("workloads", of: [self]) { text, workload in
      text.pair("name", workload.name.text)
      MetricConfiguration(metric: metric, source: source, model: model, policy: policy).write(to: &text, "ADAPTER")
      text.pair("horizon", DurationText.format(horizon))
      text.pair("step", DurationText.format(step))
      text.pair("interval", DurationText.format(interval))
      text.pair("window", DurationText.format(window))
      if let settleTime { text.pair("settleTime", DurationText.format(settleTime)) }
      if let maxSampleAge { text.pair("maxSampleAge", DurationText.format(maxSampleAge)) }
      text.pair("bridge", DurationText.format(bridge))
      if let leadTime = workload.leadTime { text.pair("leadTime", leadTime.choice.description) }
      if case .query(let query) = workload.leadTime, !query.isDefault {
        text.pair("leadTimeQuery", Placeholders.escape(query.text))
      }
      if let replicasQuery { text.pair("replicasQuery", Placeholders.escape(replicasQuery.text)) }
      if let startingPods {
        text.pair("dropWhileStarting", true)
        if case .query(_, let query, false) = startingPods {
          text.pair("startingPodsQuery", Placeholders.escape(query))
        }
      }
      text.pairs("labels", labels.mapValues(Placeholders.escape))
      text.pair("timeZone", timeZone)
      if let calendar { text.mapping("calendar") { calendar.write(to: &$0) } }
      text.sequence("covariates", of: Array(covariates.enumerated())) { text, covariate in
        text.pair("name", Placeholders.escape(covariate.element.name))
        switch covariate.element.values {
        case .schedule(let path, _): text.pair("schedule", Placeholders.escape(path))
        case .source(let source):
          text.mapping("source") { source.write(to: &$0, "COVARIATE\(covariate.offset + 1)") }
        }
      }
      if isDryRun { text.pair("dryRun", isDryRun) }
      if let series {
        text.mapping("series") {
          $0.pair("ahead", series.ahead.map(DurationText.format).joined(separator: ","))
          $0.pair("quantiles", series.quantiles.isEmpty ? "0" : series.quantiles.map { "\($0)" }.joined(separator: ","))
          if let write = series.write { $0.pair("write", DurationText.format(write)) }
        }
      }
      text.sequence("otherMetrics", of: Array(otherMetrics.enumerated())) { text, other in
        other.element.write(to: &text, "ADAPTER\(other.offset + 2)")
      }
    }
    text.mapping("scaler") { $0.pair("leadTime", DurationText.format(leadTime)) }
    return text.text
  }
}

extension CalendarConfiguration {
  fileprivate func write(to text: inout YAMLText) {
    if let country { text.pair("country", country.text) }
    if let holidaysFile { text.pair("holidaysFile", Placeholders.escape(holidaysFile.path)) }
    if let eventsFile { text.pair("eventsFile", Placeholders.escape(eventsFile.path)) }
    text.sequence("days", of: days) { text, day in
      text.pair("name", Placeholders.escape(day.name))
      switch day.time {
      case .day(let date): text.pair("date", date.description)
      case .hours(let start, let end):
        text.pair("start", start.description)
        text.pair("end", end.description)
      }
      if day.before != .zero { text.pair("before", DurationText.format(day.before)) }
      if day.after != .zero { text.pair("after", DurationText.format(day.after)) }
      switch day.likeness {
      case .own: break
      case .sunday: text.pair("like", CalendarLikeness.sunday.rawValue)
      case .load(let factor): text.pair("load", factor)
      }
    }
  }
}

extension MetricConfiguration {
  /// - Parameter prefix: the prefix of the variables of its secrets.
  fileprivate func write(to text: inout YAMLText, _ prefix: String) {
    text.pair("metric", Placeholders.escape(metric))
    text.mapping("source") { source.write(to: &$0, prefix) }
    text.mapping("model") { model.write(to: &$0) }
    text.mapping("policy") { policy.write(to: &$0) }
  }
}

extension PolicyConfiguration {
  fileprivate func write(to text: inout YAMLText) {
    text.pair("targetPerPod", targetPerPod)
    if objective == nil { text.pair("headroom", headroom) }
    if let quantileLevel { text.pair("quantileLevel", quantileLevel) }
    if let shortageCost { text.pair("shortageCost", shortageCost) }
    if let objective { text.pair("objective", Self.text(ofObjective: objective)) }
    text.pair("min", minReplicas)
    text.pair("max", maxReplicas)
    text.pair("upMaxFactor", upMaxFactor)
    text.pair("downMaxPercent", downMaxPercent)
    text.pair("prewarmSteps", prewarmSteps)
    text.pair("rounding", rounding.rawValue)
    text.pair("reactiveFloor", reactiveFloor)
    if let accuracyGate { text.pair("accuracyGate", accuracyGate) }
    if let activationThreshold { text.pair("activationThreshold", activationThreshold) }
    text.sequence("schedules", of: schedules) { text, rule in
      text.pair("begins", rule.begins.description)
      text.pair("duration", DurationText.format(rule.duration))
      if let least = rule.minReplicas { text.pair("min", least) }
      if let most = rule.maxReplicas { text.pair("max", most) }
    }
  }
}

extension ModelConfiguration {
  fileprivate func write(to text: inout YAMLText) {
    text.pair("name", name)
    if let byomURL { text.pair("byomUrl", Placeholders.escape(Redaction.masked(byomURL.text))) }
    guard let order else { return }
    for (key, term) in [("p", order.p), ("d", order.d), ("q", order.q)] { text.pair(key, term) }
    guard name == "sarima" else { return }
    let seasonal = [("P", order.seasonalP), ("D", order.seasonalD), ("Q", order.seasonalQ)]
    for (key, term) in seasonal { text.pair(key, term) }
    if order.season > 1 { text.pair("s", order.season) }
  }
}

extension SourceConfiguration {
  fileprivate func write(to text: inout YAMLText, _ prefix: String) {
    func pair(_ key: String, _ value: String?) {
      if let value { text.pair(key, Placeholders.escape(value)) }
    }
    switch self {
    case .prometheus(let source):
      pair("type", source.kind.rawValue)
      pair("url", Redaction.masked(source.endpoint.url))
      pair("query", source.query)
      pair("label", source.series?.label)
      pair("labelValue", source.series?.value)
      if source.partialResponse != .use { pair("partialResponse", source.partialResponse.rawValue) }
      source.endpoint.write(to: &text, prefix)
    case .http(let source):
      pair("type", SourceKind.http.rawValue)
      pair("url", Redaction.masked(source.endpoint.url))
      pair("method", source.method.rawValue)
      pair("body", source.body)
      pair("valuePath", source.valuePath)
      pair("timestampPath", source.timestampPath)
      pair("timestampFormat", source.timestampFormat.rawValue)
      text.secrets("templateVars", Array(source.templateVars.keys), prefix)
      pair("bootstrap", source.bootstrap?.text)
      source.endpoint.write(to: &text, prefix)
    case .csv(let source):
      pair("type", SourceKind.csv.rawValue)
      pair("path", source.path)
      text.pair("speed", source.speed)
    case .registered: break
    case .scrape(let source):
      pair("type", SourceKind.scrape.rawValue)
      pair("url", Redaction.masked(source.endpoint.url))
      pair("metric", source.metric)
      text.pairs("labels", source.labels.mapValues(Placeholders.escape))
      pair("bootstrap", source.bootstrap?.text)
      source.endpoint.write(to: &text, prefix)
    case .push(let source):
      let selector = source.selector
      let isOTLP = selector.origin == .otlp
      pair("type", (isOTLP ? SourceKind.otlp : .remoteWrite).rawValue)
      pair("metric", selector.metric)
      text.pairs(isOTLP ? "attributes" : "labels", selector.attributes.mapValues(Placeholders.escape))
      if !isOTLP { text.pair("rate", selector.isCount) }
      pair("bootstrap", source.bootstrap?.text)
    case .keda(let source):
      pair("type", SourceKind.keda.rawValue)
      pair("address", "\(source.server.address)")
      pair("serverName", source.server.serverName)
      pair("namespace", source.namespace)
      pair("scaledObject", source.scaledObject)
      pair("trigger", source.trigger)
      pair("bootstrap", source.bootstrap?.text)
      pair("caFile", source.server.tls?.authorities)
      pair("certFile", source.server.tls?.certificate)
      pair("keyFile", source.server.tls?.key)
      text.pair("timeout", DurationText.format(source.server.timeout))
    }
  }
}

extension BootstrappedSource.Location {
  /// The path or URL, with a masked password.
  fileprivate var text: String {
    switch self {
    case .file(let path): path
    case .url(let endpoint): Redaction.masked(endpoint.url)
    }
  }
}

extension HTTPEndpoint {
  fileprivate func write(to text: inout YAMLText, _ prefix: String) {
    switch credentials {
    case .none: break
    case .bearer: text.pair("bearerToken", "${\(prefix)_BEARER_TOKEN}")
    case .bearerFile(let file): text.pair("bearerTokenFile", Placeholders.escape(file.path))
    case .basic(let user, _):
      text.pair("basicUser", Placeholders.escape(user))
      text.pair("basicPassword", "${\(prefix)_BASIC_PASSWORD}")
    }
    text.secrets("headers", headers.map(\.name), prefix)
    for case (let key, let file?) in [
      ("caFile", tls.authorities), ("certFile", tls.certificate), ("keyFile", tls.key),
    ] {
      text.pair(key, Placeholders.escape(file))
    }
    text.pair("timeout", DurationText.format(deadline))
    if let proxy, proxy != .environment() { text.pair("proxy", Placeholders.escape(Redaction.masked(proxy.text))) }
  }
}

extension YAMLText {
  /// Writes a variable for each secret, named after it.
  fileprivate mutating func secrets(_ key: String, _ secrets: [String], _ prefix: String) {
    let names = secrets.map { name in
      let letters = name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
      return (name, "${\(prefix)_\(String(letters))}")
    }
    pairs(key, Dictionary(uniqueKeysWithValues: names))
  }
}
