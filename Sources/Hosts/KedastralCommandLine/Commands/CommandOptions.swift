import KedastralCore
import KedastralDaemon

/// What is wrong with a command line, and what would be right.
struct UsageError: Error, CustomStringConvertible {
  let description: String
}

/// The options of a command: `--name VALUE…`, `--name=VALUE`, with one dash or two.
///
///     let options = try CommandOptions(arguments, known: ["csv": .many, "days": .one, "json": .none])
///     try options.values("csv")      // every file of every --csv
///
/// Unknown options are kept, in order, for the caller to read.
struct CommandOptions {
  /// How many values an option has.
  enum Arity {
    case none
    case one
    case many
  }

  /// The unknown options, with their values.
  private(set) var rest: [String] = []
  private var given: [String: [String]] = [:]

  init(_ arguments: [String], known: [String: Arity]) throws(UsageError) {
    var remaining = arguments[...]
    while let argument = remaining.popFirst() {
      guard argument.hasPrefix("-"), argument.count > 1 else {
        rest.append(argument)
        continue
      }
      let text = argument.drop { $0 == "-" }
      let name = String(text.prefix { $0 != "=" })
      guard let arity = known[name] else {
        rest.append(argument)
        continue
      }
      let attached = name.count < text.count ? [String(text.dropFirst(name.count + 1))] : []
      switch arity {
      case .none:
        guard attached.isEmpty else { throw UsageError(description: "--\(name) has no value") }
        given[name] = []
      case .one, .many:
        var values = attached
        let most = arity == .one ? 1 : Int.max
        while values.count < most, attached.isEmpty, let next = remaining.first, !Self.isOption(next) {
          values.append(next)
          remaining.removeFirst()
        }
        guard !values.isEmpty else { throw UsageError(description: "--\(name) needs a value") }
        given[name, default: []] += values
      }
    }
  }

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

  /// The last value of an option as a positive number.
  func positiveNumber(_ name: String) throws(UsageError) -> Double? {
    guard let text = value(name) else { return nil }
    guard let number = Double(text), number.isFinite, number > 0 else {
      throw UsageError(description: "--\(name) '\(text)' is not a positive number")
    }
    return number
  }

  /// The last value of an option as a duration.
  func duration(_ name: String) throws(UsageError) -> Duration? {
    try value(name).map { text throws(UsageError) in try Self.duration(text, of: name) }
  }

  /// The values of an option as durations.
  func durations(_ name: String) throws(UsageError) -> [Duration] {
    var durations: [Duration] = []
    for text in list(name) { durations.append(try Self.duration(text, of: name)) }
    return durations
  }

  /// The values of an option, each one of the accepted words.
  func words(_ name: String, among known: [String]) throws(UsageError) -> [String] {
    for word in list(name) where !known.contains(word) {
      let near = Suggestion.nearest(to: word, among: known).map { "; did you mean \($0)?" }
      throw UsageError(
        description: "--\(name) '\(word)' is unknown\(near ?? ""); choose one of \(known.joined(separator: ", "))")
    }
    return list(name)
  }

  private static func duration(_ text: String, of name: String) throws(UsageError) -> Duration {
    do {
      return try DurationText.parse(text)
    } catch {
      throw UsageError(description: "--\(name): \(error)")
    }
  }

  /// A word that begins an option; a lone dash and negative numbers are values.
  private static func isOption(_ text: String) -> Bool {
    text.hasPrefix("-") && text.count > 1 && Double(text) == nil
  }
}

extension CommandOptions {
  /// Refuses the remaining arguments, with a suggestion.
  func refuseRest(among known: [String]) throws(UsageError) {
    guard let first = rest.first else { return }
    guard first.hasPrefix("-") else {
      throw UsageError(description: "unexpected argument '\(first)'; options begin with a dash")
    }
    let name = String(first.drop { $0 == "-" }.prefix { $0 != "=" })
    let near = Suggestion.nearest(to: name, among: known).map { "; did you mean --\($0)?" }
    throw UsageError(description: "unknown option --\(name)\(near ?? "")")
  }
}
