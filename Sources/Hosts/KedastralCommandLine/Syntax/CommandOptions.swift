import KedastralCore
import KedastralDaemon

/// What is wrong with a command line, and what would be right.
struct UsageError: Error, CustomStringConvertible {
  let description: String
}

/// A command's arguments, read by its table of options: `--name VALUE…`, `--name=VALUE`, `-n VALUE`, with one dash or two.
///
///     let options = try CommandOptions(arguments, of: ForecastCommand.syntax)
///     try options.values("csv")      // every file of every --csv
struct CommandOptions {
  /// The daemons' settings, with their values, in order.
  private(set) var settings: [String] = []
  /// The words outside options.
  private(set) var words: [String] = []
  private var given: [String: [String]] = [:]
  /// The options as they were typed, by name.
  private var spellings: [String: String] = [:]

  /// Reads the arguments.
  ///
  /// - Throws: for an unknown option, a missing value, a value that is not one of the option's choices, and a word too many.
  init(_ arguments: [String], of syntax: CommandSyntax) throws(UsageError) {
    var remaining = arguments[...]
    while let argument = remaining.popFirst() {
      guard Self.isOption(argument) else {
        // The reader of settings refuses a word that is not a setting's value.
        if syntax.settings.areNone { words.append(argument) } else { settings.append(argument) }
        continue
      }
      let text = argument.drop { $0 == "-" }
      let name = String(text.prefix { $0 != "=" })
      guard let option = syntax.option(name) else {
        guard syntax.acceptsSetting(name) else { throw Self.unknown(argument, syntax) }
        settings.append(argument)
        continue
      }
      let typed = String(argument.prefix { $0 != "=" })
      spellings[option.name] = typed
      let attached = name.count < text.count ? [String(text.dropFirst(name.count + 1))] : []
      guard option.value != nil else {
        guard attached.isEmpty else { throw UsageError(description: "\(typed) has no value") }
        given[option.name] = []
        continue
      }
      var values = attached
      let most = option.hasManyValues ? Int.max : 1
      while values.count < most, attached.isEmpty, let next = remaining.first, !Self.isOption(next) {
        values.append(next)
        remaining.removeFirst()
      }
      guard !values.isEmpty else { throw UsageError(description: "\(typed) needs a value") }
      given[option.name, default: []] += values
      if !option.choices.isEmpty { try check(option) }
    }
    if syntax.settings.areNone, words.count > syntax.maximumWords {
      let hint = syntax.maximumWords == 0 ? "; options begin with a dash" : ""
      throw UsageError(description: "unexpected argument '\(words[syntax.maximumWords])'\(hint)")
    }
  }

  /// Whether the arguments ask for help.
  static func askForHelp(_ arguments: [String]) -> Bool {
    arguments.contains { ["-h", "-help", "--help"].contains($0) }
  }

  private func check(_ option: CommandSyntax.Option) throws(UsageError) {
    for word in list(option.name) where !option.choices.contains(word) {
      let near = Suggestion.nearest(to: word, among: option.choices).map { "; did you mean \($0)?" }
      throw UsageError(
        description:
          "\(typed(option.name)) '\(word)' is unknown\(near ?? ""); choose one of \(option.choices.joined(separator: ", "))"
      )
    }
  }

  private static func unknown(_ argument: String, _ syntax: CommandSyntax) -> UsageError {
    let name = String(argument.drop { $0 == "-" }.prefix { $0 != "=" })
    let known = syntax.options.map(\.name) + syntax.settings.names
    let near = Suggestion.nearest(to: name, among: known).map { "; did you mean --\($0)?" }
    return UsageError(description: "unknown option \(argument.prefix { $0 != "=" })\(near ?? "")")
  }

  /// A word that begins an option; a lone dash and negative numbers are values.
  private static func isOption(_ text: String) -> Bool {
    text.hasPrefix("-") && text.count > 1 && Double(text) == nil
  }

  /// An option as the user typed it, for messages.
  func typed(_ name: String) -> String { spellings[name] ?? "--\(name)" }

  /// Whether an option was given.
  func has(_ name: String) -> Bool { given[name] != nil }

  /// All values of an option.
  func values(_ name: String) -> [String] { given[name] ?? [] }

  /// The values of an option; one text may hold several, separated by commas.
  func list(_ name: String) -> [String] {
    values(name).flatMap { $0.split(separator: ",").map(String.init) }
  }

  /// The last value of an option.
  func value(_ name: String) -> String? { given[name]?.last }

  /// The last value of an option, as a choice.
  func choice<Choice: RawRepresentable<String>>(_ name: String, _ type: Choice.Type = Choice.self) -> Choice? {
    list(name).last.flatMap(Choice.init)
  }

  /// Whether `--output` or `--json` asks for JSON.
  var wantsJSON: Bool { has("json") || list("output").last == "json" }

  /// The format that `--output` or `--json` asks for.
  func format<Format: RawRepresentable<String>>(default format: Format) -> Format {
    (wantsJSON ? Format(rawValue: "json") : choice("output")) ?? format
  }

  /// Refuses an option without the one that it belongs to.
  func check(_ name: String, belongsTo other: String) throws(UsageError) {
    if has(name), !has(other) { throw UsageError(description: "\(typed(name)) belongs to --\(other)") }
  }

  /// The words from one on, as names of workloads.
  func workloads(from first: Int = 0) throws(UsageError) -> [WorkloadName] {
    do throws(InvalidWorkloadName) {
      return try words.dropFirst(first).map { word throws(InvalidWorkloadName) in try WorkloadName(word) }
    } catch {
      throw UsageError(description: error.description)
    }
  }

  /// The last value of an option as a positive number.
  func positiveNumber(_ name: String) throws(UsageError) -> Double? {
    guard let text = value(name) else { return nil }
    guard let number = Double(text), number.isFinite, number > 0 else {
      throw UsageError(description: "\(typed(name)) '\(text)' is not a positive number")
    }
    return number
  }

  /// The last value of an option as a duration.
  func duration(_ name: String) throws(UsageError) -> Duration? {
    try value(name).map { text throws(UsageError) in try duration(text, of: name) }
  }

  /// The last value of an option as a duration above zero.
  func positiveDuration(_ name: String) throws(UsageError) -> Duration? {
    guard let duration = try duration(name) else { return nil }
    guard duration > .zero else {
      throw UsageError(description: "\(typed(name)) must be above 0; write one such as 10s")
    }
    return duration
  }

  /// The values of an option as durations.
  func durations(_ name: String) throws(UsageError) -> [Duration] {
    var durations: [Duration] = []
    for text in list(name) { durations.append(try duration(text, of: name)) }
    return durations
  }

  private func duration(_ text: String, of name: String) throws(UsageError) -> Duration {
    do {
      return try DurationText.parse(text)
    } catch {
      throw UsageError(description: "\(typed(name)): \(error)")
    }
  }
}
