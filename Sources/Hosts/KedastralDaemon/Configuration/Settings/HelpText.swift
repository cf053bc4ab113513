/// The text of `--help`.
package enum HelpText {
  /// The help of the program: its commands, each with what it does.
  package static func overview(commands: [(name: String, summary: String)]) -> String {
    let column = commands.map(\.name.count).max() ?? 0
    let table = commands.map { name, summary in
      "  " + name + String(repeating: " ", count: column - name.count + 2) + summary
    }
    return
      (["kedastral forecasts the load of workloads and serves their replicas to KEDA.", "", "Usage:"]
      + ["  kedastral COMMAND [options]", "  kedastral [settings]           the same as kedastral run", ""]
      + ["Commands; each has --help:"] + table
      + ["", "kedastral run --help lists the settings; kedastral demo needs none."]).joined(separator: "\n")
  }

  /// The help of a host: usage, every setting with its variable and default, and examples.
  package static func text(for host: Host, knownModels: [String]) -> String {
    var lines = ["\(host.command) \(host.summary)", "", "Usage:"]
    switch host {
    case .scaler: lines.append("  \(host.command) [settings]")
    case .forecaster, .allInOne:
      lines.append("  \(host.command) -config FILE [settings]")
      lines.append("  \(host.command) -workload NAME -metric NAME -adapter-query PROMQL [settings]")
    }
    lines += [
      "",
      "A setting is a flag (-flag=value or -flag value, one dash or two), an environment variable, or a key of the",
      "YAML file. A flag overrides the environment, the environment the file, the file the default.",
      "Durations: 30s, 5m, 1d12h.",
      "",
      "In a value of the file:",
      "  ${NAME}            the environment variable; an error when it is not set",
      "  ${NAME:-default}   the default when it is not set or empty; ${NAME-default}: only when it is not set",
      "  ${NAME:?message}   an error with the message when it is not set or empty; ${NAME?message}: only when it is not set",
      "  $${                the text ${",
    ]
    for group in SettingDescriptor.Group.allCases {
      let settings = Settings.of(host).filter { $0.group == group }
      guard !settings.isEmpty else { continue }
      lines += ["", "\(group.rawValue):"]
      for setting in settings {
        let placeholder = setting.isSwitch ? "" : " \(setting.placeholder)"
        lines.append("  -\(setting.flag(in: host))\(placeholder)  [\(setting.environment)]")
        var help = setting.help
        if setting.flag == Settings.model.descriptor.flag {
          help += ": " + knownModels.sorted().joined(separator: ", ")
        }
        if let value = setting.shownDefault { help += " (default \(value))" }
        lines += wrapped(help, width: 96).map { "      " + $0 }
      }
    }
    lines += ["", "Other:", "  -help", "      print this text", "  -version", "      print the version"]
    lines += ["", "Examples:"] + examples(host).map { $0.isEmpty ? "" : "  " + $0 }
    return lines.joined(separator: "\n")
  }

  private static func examples(_ host: Host) -> [String] {
    switch host {
    case .forecaster, .allInOne:
      [
        "# one workload, given by flags",
        "\(host.command) -workload=api -metric=rps -adapter-url=http://prometheus:9090 \\",
        "  -adapter-query='sum(rate(http_requests_total{app=\"api\"}[1m]))' -target-per-pod=50 -min=2 -max=20",
        "", "# many workloads, given by a file", "\(host.command) -config=kedastral.yaml",
        "", "# kedastral.yaml",
      ] + exampleFile.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    case .scaler:
      [
        "# request plans from a forecaster",
        "\(host.command) -forecaster-url=http://kedastral-forecaster:8081 -lead-time=5m",
        "", "# read plans from Redis, with its password in the environment",
        "REDIS_PASSWORD=… \(host.command) -storage=redis -redis-addr=redis:6379",
      ]
    }
  }

  /// An example file with the most used keys.
  static let exampleFile = """
    defaults:
      source: {type: prometheus, url: http://prometheus:9090}
      horizon: 30m
    workloads:
      - name: api
        metric: rps
        source:
          query: sum(rate(http_requests_total{app="api"}[1m]))
        policy: {targetPerPod: 50, min: 2, max: 20, quantileLevel: p90}
      - name: worker
        metric: queue length
        source:
          query: sum(queue_length{app="worker"})
        model: baseline
        policy: {targetPerPod: 30, max: 15}
    """

  /// Text in lines of at most `width` characters, broken between words.
  package static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

extension SettingDescriptor {
  /// The default as shown in help and documentation.
  var shownDefault: String? {
    if let defaultNote { return defaultNote }
    return isSwitch && defaultText == "false" ? nil : defaultText
  }
}
