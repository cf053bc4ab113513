import Testing

@testable import KedastralDaemon

@Suite("The table of settings")
struct SettingsTableTests {
  @Test("no flag or variable has two meanings for one host", arguments: Host.allCases)
  func unique(host: Host) {
    let settings = Settings.of(host)
    let flags = settings.flatMap { setting in [setting.flag(in: host)] + setting.aliases.map(\.flag) }
    let variables = settings.flatMap { setting in [setting.environment] + setting.aliases.map(\.environment) }
    #expect(Set(flags).count == flags.count)
    #expect(Set(variables).count == variables.count)
  }

  @Test("every default is a valid value of its setting")
  func defaults() {
    for setting in Settings.all {
      if let text = setting.defaultText { #expect(setting.defect(text) == nil, "-\(setting.flag)") }
    }
  }

  @Test("the documented flags and variables exist, with their defaults")
  func contract() {
    let contract = [
      "listen LISTEN :8081", "log-format LOG_FORMAT text", "log-level LOG_LEVEL info", "storage STORAGE memory",
      "redis-addr REDIS_ADDR localhost:6379", "redis-password REDIS_PASSWORD ", "redis-db REDIS_DB 0",
      "redis-ttl REDIS_TTL 30m", "tls-enabled TLS_ENABLED false", "tls-cert-file TLS_CERT_FILE ",
      "tls-key-file TLS_KEY_FILE ", "tls-ca-file TLS_CA_FILE ", "workload WORKLOAD ", "metric METRIC ",
      "adapter ADAPTER prometheus", "horizon HORIZON 30m", "step STEP 1m", "interval INTERVAL 30s",
      "window WINDOW 8d", "target-per-pod TARGET_PER_POD 100", "headroom HEADROOM 1.2",
      "quantile-level QUANTILE_LEVEL 0", "min MIN_REPLICAS 1", "max MAX_REPLICAS 100",
      "up-max-factor UP_MAX_FACTOR 2", "down-max-percent DOWN_MAX_PERCENT 50", "model MODEL auto",
      "byom-url BYOM_URL ", "adapter-url ADAPTER_URL ", "adapter-query ADAPTER_QUERY ",
      "adapter-method ADAPTER_METHOD GET", "adapter-headers ADAPTER_HEADERS ", "adapter-body ADAPTER_BODY ",
      "adapter-value-path ADAPTER_VALUE_PATH ", "adapter-timestamp-path ADAPTER_TIMESTAMP_PATH ",
      "adapter-timestamp-format ADAPTER_TIMESTAMP_FORMAT rfc3339",
      "adapter-template-vars ADAPTER_TEMPLATE_VARS ", "listen SCALER_LISTEN :50051",
      "forecaster-url FORECASTER_URL http://localhost:8081", "lead-time LEAD_TIME 5m",
      "stale-after STALE_AFTER 2m", "config CONFIG ",
    ]
    let table = Set(Settings.all.map { "\($0.flag) \($0.environment) \($0.defaultText ?? "")" })
    #expect(contract.filter { !table.contains($0) } == [])
  }

  @Test("help lists every setting of the host, its default and what it does", arguments: Host.allCases)
  func help(host: Host) {
    let text = HelpText.text(for: host, knownModels: models)
    let flowing = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for setting in Settings.of(host) {
      #expect(text.contains("  -\(setting.flag(in: host))"))
      #expect(text.contains("[\(setting.environment)]"))
      #expect(flowing.contains(setting.help))
      if let value = setting.shownDefault { #expect(flowing.contains("(default \(value))")) }
    }
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
    if host != .scaler { #expect(flowing.contains(models.joined(separator: ", "))) }
  }

  @Test("the documentation has a row for every setting, with as many cells as the heading")
  func markdown() {
    let rows = SettingsReference.markdown.split(separator: "\n").filter { $0.hasPrefix("| `-") }
    #expect(rows.count == Settings.all.count)
    for (row, setting) in zip(rows, Settings.all) {
      #expect(row.hasPrefix("| `-\(setting.flag)`"))
      #expect(row.contains("`\(setting.environment)`"))
      #expect(row.replacing("\\|", with: "").filter { $0 == "|" }.count == 7)
    }
  }

  @Test("every file key of the table is accepted in a file")
  func fileKeys() {
    let samples: [String: String] = [
      "HOST:PORT": "h:1", "DURATION": "3m", "N": "3", "NUMBER": "2", "PRICE": "2", "PERCENT": "2", "BOOL": "false",
      "LEVEL": "p90",
      "URL": "http://x", "ZONE": "UTC", "NAME=VALUE,…": "{a: b}", "HOST:PORT,…": "['h:1']", "NAME,…": "[a]",
      "TEXT": "x", "DURATION,…": "[5m]", "LEVEL,…": "[p90]",
    ]
    for setting in Settings.all {
      guard let key = setting.fileKey else { continue }
      var sample = samples[setting.placeholder] ?? setting.defaultText ?? "x"
      if setting.flag == "redis-url" { sample = "redis://x" }
      if setting.flag == "calendar-country" { sample = "DE-BY" }
      let steps = key.split(separator: ".")
      let open = steps.map { $0.hasSuffix("[]") ? "\($0.dropLast(2)): [{" : "\($0): {" }.joined()
      let close = steps.reversed().map { $0.hasSuffix("[]") ? "}]" : "}" }.joined()
      let text = String(open.dropLast()) + sample + String(close.dropFirst())
      #expect(
        problems { _ = try YAMLDecoder(file: "k.yaml").decode(ConfigurationFile.self, from: "{\(text)}") } == [],
        "\(key)")
    }
  }
}
