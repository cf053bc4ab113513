import KedastralCore
import KedastralDaemon

/// What may follow a command's name: the one table from which parsing, help, manual page, completion and documentation come.
struct CommandSyntax {
  /// An option.
  struct Option {
    /// The name, without dashes.
    let name: String
    /// The one-letter name, without dash.
    var short: Character?
    /// The placeholder of its value; it ends with "…" when there may be several values. Nil for a switch.
    let value: String?
    /// What it means; the accepted values are added.
    let help: String
    /// The accepted values, when only these are.
    var choices: [String] = []

    init(
      _ name: String, _ value: String?, short: Character? = nil, choices: [String] = [], _ help: String
    ) {
      self.name = name
      self.short = short
      self.value = value
      self.help = help
      self.choices = choices
    }

    /// An option without a value.
    static func flag(_ name: String, short: Character? = nil, _ help: String) -> Self {
      Self(name, nil, short: short, help)
    }

    /// Whether several values may follow.
    var hasManyValues: Bool { value?.last == "…" }

    /// Whether its value is a file's name.
    var isFile: Bool { value?.hasPrefix("FILE") ?? false }

    /// The name and the value as help shows them.
    var form: String { names + (value.map { " \($0)" } ?? "") }

    /// The name as help shows it: `--name`, or `-n, --name`.
    var names: String { (short.map { "-\($0), " } ?? "") + "--\(name)" }

    /// What it means, with the accepted values.
    var wholeHelp: String { choices.isEmpty ? help : "\(help): \(choices.joined(separator: ", "))" }
  }

  /// Options that help shows together.
  struct Group {
    let title: String
    var options: [Option] = []
    /// What is true of all of them.
    var note = ""
  }

  /// Which of the daemons' settings a command accepts in addition to its own options.
  enum Settings {
    case none
    case named([String])
    case all

    var areNone: Bool { if case .none = self { true } else { false } }
    var areAll: Bool { if case .all = self { true } else { false } }
    /// The names that are listed.
    var names: [String] { if case .named(let names) = self { names } else { [] } }
  }

  /// What the command does: paragraphs.
  let about: String
  /// What may follow `kedastral` and the command's name, one form a line.
  var usage: [String] = [""]
  /// What the words before the options mean, as lines of a list.
  var wordsHelp: [(word: String, help: String)] = []
  /// The words that completion offers after the command's name.
  var words: [String] = []
  /// How many words may be given.
  var maximumWords = 0
  /// Whether words after the fixed ones are names of workloads, which completion asks a forecaster for.
  var hasWorkloadNames = false
  var groups: [Group] = []
  var settings = Settings.none
  /// Paragraphs after the options.
  var notes: [String] = []
  /// Lines of a shell.
  var examples: String

  /// All options.
  var options: [Option] { groups.flatMap(\.options) }

  /// The option with a name, or with a one-letter name.
  func option(_ name: some StringProtocol) -> Option? {
    options.first { $0.name == name || $0.short.map(String.init) == String(name) }
  }

  /// Whether a flag is one of the daemons' settings that the command accepts; the daemons' reader judges those of `all`.
  func acceptsSetting(_ flag: String) -> Bool {
    settings.areAll || settings.names.contains(flag)
  }
}

// MARK: - Help

extension CommandSyntax {
  private static let width = 120
  private static let column = 26

  /// The text of `--help`, without the exit codes.
  func help(name: String) -> String {
    var sections = [Self.filled(about, indent: 0)]
    var usage = "Usage:"
    for form in self.usage { usage += "\n  kedastral \(name)" + (form.isEmpty ? "" : " \(form)") }
    sections.append(usage)
    if !wordsHelp.isEmpty {
      sections.append(wordsHelp.map { Self.entry($0.word, $0.help) }.joined(separator: "\n"))
    }
    for group in groups {
      var lines = ["\(group.title):"]
      lines += group.options.map { Self.entry($0.form, $0.wholeHelp) }
      if !group.note.isEmpty { lines.append(Self.filled(group.note, indent: 2)) }
      sections.append(lines.joined(separator: "\n"))
    }
    sections += notes.map { Self.filled($0, indent: 0) }
    let examples = examples.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : "  \($0)" }
    sections.append((["Examples:"] + examples).joined(separator: "\n"))
    return sections.joined(separator: "\n\n")
  }

  /// A name and what it means, in two columns.
  private static func entry(_ name: String, _ help: String) -> String {
    let text = filled(help, indent: column)
    let name = "  \(name)"
    guard name.count + 2 <= column else { return "\(name)\n\(text)" }
    return name + String(repeating: " ", count: column - name.count) + text.dropFirst(column)
  }

  /// Text in lines of at most `width` characters.
  private static func filled(_ text: String, indent: Int) -> String {
    text.split(separator: "\n\n").map { paragraph in
      HelpText.wrapped(String(paragraph).replacing("\n", with: " "), width: width - indent)
        .map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }
    .joined(separator: "\n\n")
  }
}

// MARK: - Options that several commands have

extension CommandSyntax.Option {
  /// `--output` with a command's formats; the first is the default.
  static func output(_ formats: [String]) -> Self {
    Self("output", "FORMAT", short: "o", choices: formats, "the format (default \(formats[0]))")
  }

  /// `--json`.
  static let json = flag("json", "the same as -o json")

  /// `--model` with the names of the built-in models.
  static func model(_ value: String, _ help: String) -> Self {
    Self("model", value, choices: ModelCatalog.names.sorted(), help)
  }
}
