/// One setting as the table lists it: what flags, environment, help and documentation are made from.
struct SettingDescriptor: Sendable {
  /// A name from the Go implementation's earlier releases, still understood.
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
    case model = "Forecast"
    case capacity = "Replicas"
    case storage = "Storage"
    case scaler = "Scaler"
    case limits = "Limits of one client, or of all"
  }

  var flag: String
  /// The flag in the all-in-one host, where it would otherwise mean two things.
  var flagInAllInOne: String?
  var environment: String
  var aliases: [Alias] = []
  /// The default as it would be written; nil when there is none.
  var defaultText: String?
  /// How the default reads in help, when it is not simply `defaultText`.
  var defaultNote: String?
  /// The path of keys in a configuration file; nil when a file cannot give it.
  var fileKey: String?
  var group: Group
  var hosts: Set<Host>
  /// Whether it names or feeds one workload, and so cannot stand beside a file that describes workloads.
  var belongsToOneWorkload = false
  var help: String
  var placeholder: String
  var isSecret: Bool
  var isSwitch: Bool
  /// What is wrong with a text as a value of this setting, in the form of a message; nil when nothing is.
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
