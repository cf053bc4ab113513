/// One entry of the settings table, from which flags, environment, help and documentation are generated.
struct SettingDescriptor: Sendable {
  /// A name from earlier releases of the Go implementation, which is still accepted.
  struct Alias: Sendable {
    var flag: String
    var environment: String
  }

  /// The parts of help and documentation.
  enum Group: String, CaseIterable, Sendable {
    case general = "General"
    case listening = "Listening and TLS"
    case workload = "Workload (one workload; a file describes many)"
    case source = "Where the load comes from"
    case discovery = "Discovered workloads (in a file only)"
    case model = "Forecast"
    case capacity = "Replicas"
    case kubernetes = "Kubernetes"
    case storage = "Storage"
    case scaler = "Scaler"
    case scorecard = "Scorecard"
    case limits = "Limits for one client, or for all"
  }

  var flag: String
  /// The flag in the all-in-one host, where it would otherwise mean two things.
  var flagInAllInOne: String?
  var environment: String
  var aliases: [Alias] = []
  /// The default as text; nil when there is none.
  var defaultText: String?
  /// The default as help shows it, if it differs from `defaultText`.
  var defaultNote: String?
  /// The path of keys in a configuration file; nil when a file cannot give it.
  var fileKey: String?
  var group: Group
  var hosts: Set<Host>
  /// Whether it describes a single workload, so that it cannot be combined with a file that describes workloads.
  var belongsToOneWorkload = false
  var help: String
  var placeholder: String
  var isSecret: Bool
  var isSwitch: Bool
  /// A message that says why a text is not a valid value of this setting; nil for a valid value.
  var defect: @Sendable (String) -> String?

  func flag(in host: Host) -> String { host == .allInOne ? flagInAllInOne ?? flag : flag }
}

/// A setting and the type of its value.
struct Setting<Value: SettingValue>: Sendable {
  let descriptor: SettingDescriptor
  /// The default's value.
  let defaultValue: Value?

  init(
    _ flag: String, inAllInOne: String? = nil, _ environment: String, default defaultText: String? = nil,
    defaultNote: String? = nil, file: String? = nil, _ group: SettingDescriptor.Group,
    hosts: Set<Host> = [.forecaster, .allInOne], placeholder: String = Value.placeholder,
    aliases: [SettingDescriptor.Alias] = [], oneWorkload: Bool = false, _ help: String
  ) {
    defaultValue = defaultText.flatMap { try? Value(settingText: $0) }
    descriptor = SettingDescriptor(
      flag: flag, flagInAllInOne: inAllInOne, environment: environment, aliases: aliases, defaultText: defaultText,
      defaultNote: defaultNote, fileKey: file, group: group, hosts: hosts, belongsToOneWorkload: oneWorkload,
      help: help, placeholder: placeholder, isSecret: Value.isSecret, isSwitch: Value.self == Bool.self,
      defect: { text in
        do throws(SettingValueError) {
          _ = try Value(settingText: text)
          return nil
        } catch { return error.message(for: text, isSecret: Value.isSecret) }
      })
  }
}
