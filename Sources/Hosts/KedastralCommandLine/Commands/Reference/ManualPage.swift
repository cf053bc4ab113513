import KedastralDaemon

/// The manual page of `kedastral`, in man(7) format.
struct ManualPage {
  private static let date = "2026-01-31"

  /// The page.
  static var roff: String {
    var page = ManualPage()
    page.lines += [
      #".TH KEDASTRAL 1 "\#(date)" "kedastral \#(Program.version)" "User Commands""#, ".SH NAME",
      #"kedastral \- predictive autoscaler for Kubernetes: forecaster and KEDA external scaler"#, ".SH SYNOPSIS",
      ".B kedastral", #"\fR[\fBrun\fR] \fB\-config\fR \fIFILE\fR [settings]"#, ".br", ".B kedastral",
      #"\fICOMMAND\fR [options]"#, ".SH DESCRIPTION",
    ]
    page.text(
      "Forecasts each workload's load, converts the forecast into replicas, and serves the plan to KEDA as an external scaler. "
        + "Without a command, or with run, it runs forecaster and scaler in one process.")
    page.lines.append(".SH COMMANDS")
    for word in CommandLineSyntax.kedastral.words {
      page.lines += [".TP", ".B \(escaped(word.name))"]
      page.text(word.summary + ".")
    }
    for command in Commands.all {
      page.lines.append(".SH COMMAND \(escaped(command.name.uppercased()))")
      page.command(command.syntax, name: command.name)
    }
    page.settings()
    page.lines.append(".SH ENVIRONMENT")
    page.text(
      "Each setting can be given by its variable, named in brackets above. KEDASTRAL_SERVER is the forecaster that get, explain, "
        + "top and mcp query. NO_COLOR, when set, turns colours off.")
    page.lines.append(".SH EXIT STATUS")
    page.text(String(ExitCode.help.drop { $0 != ":" }.dropFirst(2)))
    return page.lines.joined(separator: "\n")
  }

  private var lines: [String] = []

  private mutating func settings() {
    lines.append(".SH SETTINGS")
    text(
      "A setting is a flag (-flag=value or -flag value, one dash or two), an environment variable, or a key of the YAML file. "
        + "A flag overrides the environment, the environment the file, the file the default. In a value of the file, "
        + "${NAME}, ${NAME:-default} and ${NAME:?message} stand for environment variables, and $${ for the text ${.")
    var group = ""
    for entry in SettingsReference.entries(of: .allInOne) {
      if entry.group != group {
        group = entry.group
        lines.append(".SS \(Self.escaped(group))")
      }
      let value = entry.placeholder.map { #" \fI\#(Self.escaped($0))\fR"# } ?? ""
      lines += [".TP", #"\fB\-\#(Self.escaped(entry.flag))\fR\#(value) [\fB\#(Self.escaped(entry.environment))\fR]"#]
      text(entry.help + (entry.shownDefault.map { " (default \($0))" } ?? ""))
    }
  }

  /// A command: what it does, its forms, options and examples.
  private mutating func command(_ syntax: CommandSyntax, name: String) {
    paragraphs(syntax.about)
    lines.append(".PP")
    for form in syntax.usage {
      lines += [#"\fBkedastral \#(Self.escaped(name))\fR \#(Self.escaped(form))"#, ".br"]
    }
    lines.removeLast()
    for (word, help) in syntax.wordsHelp { entry(word, help) }
    for group in syntax.groups {
      lines.append(".SS \(Self.escaped(group.title))")
      for option in group.options { entry(option.form, option.wholeHelp) }
      if !group.note.isEmpty { paragraphs(group.note) }
    }
    if !syntax.groups.isEmpty, !syntax.notes.isEmpty { lines.append(".SS Notes") }
    for (index, note) in syntax.notes.enumerated() {
      if index > 0 { lines.append(".PP") }
      text(note)
    }
    lines += [".SS Examples", ".EX"]
    for line in syntax.examples.split(separator: "\n", omittingEmptySubsequences: false) {
      lines.append(line.isEmpty ? #"\&"# : Self.escaped(String(line)))
    }
    lines.append(".EE")
  }

  /// A name and what it means.
  private mutating func entry(_ name: String, _ help: String) {
    lines += [".TP", #"\fB\#(Self.escaped(name))\fR"#]
    text(help)
  }

  /// Paragraphs, separated by an empty line.
  private mutating func paragraphs(_ all: String) {
    for (index, paragraph) in all.split(separator: "\n\n").enumerated() {
      if index > 0 { lines.append(".PP") }
      text(String(paragraph))
    }
  }

  /// One paragraph.
  private mutating func text(_ text: String) { lines.append(Self.escaped(text)) }

  /// Text with roff's control characters escaped.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if !result.isEmpty { result += "\n" }
      if line.first == "." || line.first == "'" { result += #"\&"# }
      for character in line {
        switch character {
        case "\\": result += #"\e"#
        case "-": result += #"\-"#
        case "'": result += #"\(aq"#
        case "`": result += #"\(ga"#
        case "^": result += #"\(ha"#
        case "~": result += #"\(ti"#
        default: result.append(character)
        }
      }
    }
    return result
  }
}
