import KedastralCore

/// The texts given by flags and environment, by the setting's environment variable; flags override the environment.
struct GivenSettings {
  /// The request of a command line, in addition to settings.
  enum Request { case run, help, version }

  private(set) var texts: [String: Located<String>] = [:]
  private(set) var request = Request.run
  /// Whether a flag is unknown, which may be a misspelt one that is needed.
  private(set) var hasUnknownFlags = false
  private let host: Host
  private let problems: ProblemList

  /// Reads the arguments (without the program's name) and the environment; notes in `problems` what is wrong with them.
  init(host: Host, arguments: [String], environment: [String: String], problems: ProblemList) {
    self.host = host
    self.problems = problems
    read(environment)
    read(arguments)
    // Only what counts is checked: a flag may override a broken variable.
    for descriptor in Settings.of(host) {
      guard let given = texts[descriptor.environment], let defect = descriptor.defect(given.value) else { continue }
      problems.add(given.origin, defect)
    }
  }

  /// The value of `setting`: of a flag, of the environment, the first of `fromFile` that is there, the default.
  /// An invalid text counts as not given: its problem has already been recorded.
  func value<Value>(_ setting: Setting<Value>, _ fromFile: Located<Value>?...) -> Located<Value>? {
    if let given = texts[setting.descriptor.environment], let value = try? Value(settingText: given.value) {
      return Located(value, given.origin)
    }
    if let first = fromFile.lazy.compactMap(\.self).first { return first }
    return setting.defaultValue.map { Located($0, .builtIn(flag: setting.descriptor.flag(in: host))) }
  }

  /// As ``value(_:_:)``, where an empty text counts as not given.
  func text(_ setting: Setting<String>, _ fromFile: Located<String>?...) -> Located<String>? {
    if let given = texts[setting.descriptor.environment] { return given.value.isEmpty ? nil : given }
    return fromFile.lazy.compactMap(\.self).first { !$0.value.isEmpty }
  }

  /// Notes that a needed setting is not there: in a file's workload at `origin`, or, when that is nil, among the flags.
  ///
  /// One that is there and was refused is not missing, and one may be what an unknown flag was meant to be.
  func noteMissing(_ setting: SettingDescriptor, at origin: Origin?) {
    if case .file(_, _, _, let key) = origin, let fileKey = setting.fileKey {
      let name = fileKey.split(separator: ".").dropFirst().joined(separator: ".")
      guard !problems.concern(key: "\(key).\(name)") else { return }
      problems.add(origin ?? .nowhere, "the key '\(name)' is missing: \(setting.help)")
    } else if texts[setting.environment] == nil, !hasUnknownFlags {
      problems.add(.nowhere, "-\(setting.flag) is missing (or \(setting.environment)): \(setting.help)")
    }
  }

  /// Takes out the settings that describe one workload, in the order of the table.
  mutating func removeOneWorkload() -> [Located<String>] {
    Settings.of(host).filter(\.belongsToOneWorkload).compactMap { texts.removeValue(forKey: $0.environment) }
  }

  private mutating func read(_ environment: [String: String]) {
    for descriptor in Settings.of(host) {
      for name in [descriptor.environment] + descriptor.aliases.map(\.environment) {
        guard let text = environment[name], !text.isEmpty else { continue }
        give(descriptor, Located(text, .environment(name)))
        break
      }
    }
    // Others own most of the environment; but a near miss of an adapter's setting is surely meant for us.
    let names = Settings.of(host).map(\.environment).filter { $0.hasPrefix("ADAPTER_") }
    for name in environment.keys.sorted() where name.hasPrefix("ADAPTER_") && !names.contains(name) {
      if let near = Suggestion.nearest(to: name, among: names, edits: 2) {
        problems.add(.environment(name), "no setting has this name; did you mean \(near)?")
      }
    }
  }

  private mutating func read(_ arguments: [String]) {
    var byFlag: [String: SettingDescriptor] = [:]
    for descriptor in Settings.of(host) {
      byFlag[descriptor.flag(in: host)] = descriptor
      for alias in descriptor.aliases { byFlag[alias.flag] = descriptor }
    }
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard let (name, attached) = Self.split(argument) else {
        let isFile = argument.hasSuffix(".yaml") || argument.hasSuffix(".yml")
        let hint = isFile ? "to read a file write -config \(argument)" : "settings begin with a dash, see --help"
        problems.add(.nowhere, "unexpected argument '\(argument)'; \(hint)")
        continue
      }
      if name == "help" || name == "h" {
        request = .help
      } else if name == "version" {
        if request == .run { request = .version }
      } else if let descriptor = byFlag[name] {
        if let attached {
          give(descriptor, Located(attached, .flag(name)))
        } else if descriptor.isSwitch {
          give(descriptor, Located("true", .flag(name)))
        } else if let next = rest.first, Self.split(next).map({ byFlag[$0.name] == nil }) ?? true {
          rest.removeFirst()
          give(descriptor, Located(next, .flag(name)))
        } else {
          problems.add(.flag(name), "needs a value; write -\(name)=\(descriptor.placeholder)")
        }
      } else {
        hasUnknownFlags = true
        problems.add(.nowhere, unknown(name, among: Array(byFlag.keys)))
      }
    }
  }

  private mutating func give(_ descriptor: SettingDescriptor, _ text: Located<String>) {
    texts[descriptor.environment] = text
  }

  private func unknown(_ name: String, among flags: [String]) -> String {
    let owners = Settings.all.flatMap { descriptor in
      descriptor.hosts.filter { descriptor.flag(in: $0) == name }.map(\.name)
    }
    if !owners.isEmpty {
      return "\(host.name) has no flag -\(name); it belongs to \(Set(owners).sorted().joined(separator: " and "))"
    }
    let near = Suggestion.nearest(to: name, among: flags + ["help", "version"])
    return "unknown flag -\(name)" + (near.map { "; did you mean -\($0)?" } ?? "; see --help")
  }

  /// The name, and what follows an equals sign, of an argument that begins with one or two dashes.
  private static func split(_ argument: String) -> (name: String, attached: String?)? {
    guard argument.first == "-", argument.count > 1 else { return nil }
    let text = argument.dropFirst(argument.hasPrefix("--") ? 2 : 1)
    guard let first = text.first, first != "-", first != "=" else { return nil }
    guard let equals = text.firstIndex(of: "=") else { return (String(text), nil) }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
  }
}
