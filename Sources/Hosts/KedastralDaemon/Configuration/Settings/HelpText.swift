/// The text of `--help`.
package enum HelpText {
  /// The help of a host: usage, every setting with its variable and default, and examples.
  package static func text(for host: Host, knownModels: [String]) -> String {
    var lines = ["\(host.name) \(host.summary)", "", "Usage:"]
    switch host {
    case .scaler: lines.append("  \(host.name) [settings]")
    case .forecaster, .allInOne:
      lines.append("  \(host.name) -config FILE [settings]")
      lines.append("  \(host.name) -workload NAME -metric NAME -adapter-query PROMQL [settings]")
    }
    if host == .allInOne {
      lines += [
        "  \(host.name) run [settings]                  the same: forecaster and scaler in one process",
        "  \(host.name) forecaster|scaler [settings]    only one of them; see kedastral forecaster --help",
        "  \(host.name) demo                            run a demonstration that needs no setup",
        "  \(host.name) query ADDRESS -workload NAME    show what a scaler returns to KEDA",
        "  \(host.name) get workloads|forecast          query a running forecaster",
        "  \(host.name) explain NAME                    explain the planned replicas of a workload",
        "  \(host.name) top                             watch a running forecaster's workloads",
        "  \(host.name) check -config FILE              validate a configuration, and try each source once",
        "  \(host.name) forecast --csv FILE             forecast a load once",
        "  \(host.name) backtest --csv FILE             measure the accuracy of models on a load",
        "  \(host.name) replay --csv FILE               replay a load against policies",
        "  \(host.name) mcp                             serve a forecaster's data to an assistant",
        "  \(host.name) completion bash|zsh|fish        complete this command line in a shell",
        "  \(host.name) man                             print the manual; each command also has --help",
      ]
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
        "\(host.name) -workload=api -metric=rps -adapter-url=http://prometheus:9090 \\",
        "  -adapter-query='sum(rate(http_requests_total{app=\"api\"}[1m]))' -target-per-pod=50 -min=2 -max=20",
        "", "# many workloads, given by a file", "\(host.name) -config=kedastral.yaml",
        "", "# kedastral.yaml",
      ] + exampleFile.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    case .scaler:
      [
        "# request plans from a forecaster",
        "\(host.name) -forecaster-url=http://kedastral-forecaster:8081 -lead-time=5m",
        "", "# read plans from Redis, with its password in the environment",
        "REDIS_PASSWORD=… \(host.name) -storage=redis -redis-addr=redis:6379",
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

  private static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + word.count < width {
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
