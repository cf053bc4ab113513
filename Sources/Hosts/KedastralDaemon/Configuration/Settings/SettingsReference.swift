/// The documentation of the settings, generated from the same table as flags and help.
package enum SettingsReference {
  /// One Markdown table for each group: flag, environment variable, file key, default, which hosts read it, meaning.
  package static var markdown: String {
    var sections: [String] = []
    for group in SettingDescriptor.Group.allCases {
      var lines = [
        "### \(group.rawValue)", "", "| Flag | Environment | File key | Default | Read by | Meaning |",
        "|---|---|---|---|---|---|",
      ]
      for setting in Settings.all where setting.group == group {
        var flag = "`-\(setting.flag)`"
        if let other = setting.flagInAllInOne { flag += " (`-\(other)` of `\(Host.allInOne.name)`)" }
        let cells = [
          flag, "`\(setting.environment)`", setting.fileKey.map { "`\($0)`" } ?? "",
          setting.defaultNote ?? setting.defaultText.map { "`\($0)`" } ?? "", readers(setting),
          setting.help + aliases(setting),
        ]
        lines.append("| " + cells.map(escaped).joined(separator: " | ") + " |")
      }
      for only in Settings.fileOnly where only.group == group {
        lines.append("| | | `\(only.key)` | | forecaster | \(escaped(only.help)) |")
      }
      sections.append(lines.joined(separator: "\n"))
    }
    return sections.joined(separator: "\n\n") + "\n"
  }

  private static func readers(_ setting: SettingDescriptor) -> String {
    switch (setting.hosts.contains(.forecaster), setting.hosts.contains(.scaler)) {
    case (true, true): "both"
    case (true, false): "forecaster"
    default: "scaler"
    }
  }

  private static func aliases(_ setting: SettingDescriptor) -> String {
    guard !setting.aliases.isEmpty else { return "" }
    let names = setting.aliases.map { "`-\($0.flag)` (`\($0.environment)`)" }
    return "; also \(names.joined(separator: ", "))"
  }

  private static func escaped(_ cell: String) -> String {
    cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}

extension SettingsReference {
  /// A setting as needed by a manual or by shell completion.
  package struct Entry: Sendable {
    /// The flag, without a dash.
    package let flag: String
    /// The environment variable.
    package let environment: String
    /// The placeholder of the value; nil for a switch.
    package let placeholder: String?
    /// What it means.
    package let help: String
    /// The default as text, or a description of it.
    package let shownDefault: String?
    /// The heading of its group.
    package let group: String
  }

  /// The settings of a host, in the order of its help.
  package static func entries(of host: Host) -> [Entry] {
    Settings.of(host).map {
      Entry(
        flag: $0.flag(in: host), environment: $0.environment, placeholder: $0.isSwitch ? nil : $0.placeholder,
        help: $0.help, shownDefault: $0.shownDefault, group: $0.group.rawValue)
    }
  }
}
