import Foundation
import TestSupport
import Testing

@testable import KedastralCommandLine
@testable import KedastralDaemon

@Suite("Help, completion, manual and documentation of the commands")
struct CommandReferenceTests {
  @Test("no command has an option twice, and each option is explained")
  func options() {
    for command in Commands.all {
      let options = command.syntax.options
      let names = options.map(\.name) + options.compactMap { $0.short.map(String.init) }
      #expect(Set(names).count == names.count, "\(command.name)")
      for option in options {
        #expect(!option.help.isEmpty && command.help.contains(option.form), "\(command.name) --\(option.name)")
        #expect(!command.syntax.acceptsSetting(option.name) || command.syntax.settings.areAll || option.name == "step")
      }
      for line in command.help.split(separator: "\n") { #expect(line.count <= 120 || line.contains("://"), "\(line)") }
    }
  }

  @Test(
    "errors name an option as the user typed it",
    arguments: [
      (["-o", "xml"], "-o 'xml' is unknown"), (["--output=xml"], "--output 'xml' is unknown"),
      (["-points", "x"], "-points 'x' is not a positive number"), (["-z"], "unknown option -z"),
      (["--sate", "ready"], "unknown option --sate; did you mean --state?"), (["--json=1"], "--json has no value"),
      (["--points"], "--points needs a value"), (["--state", "asleep"], "--state 'asleep' is unknown"),
    ])
  func spelling(arguments: [String], message: String) throws {
    let error = #expect(throws: UsageError.self) {
      _ = try CommandOptions(["forecast", "a"] + arguments, of: GetCommand.syntax).positiveNumber("points")
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test("a command's words are counted, and settings keep their order for their own reader")
  func words() throws {
    let query = try CommandOptions(["host:1", "-w", "getmetrics", "-workload", "a"], of: QueryCommand.syntax)
    #expect(query.words == ["host:1", "getmetrics"] && query.has("watch") && query.value("workload") == "a")
    #expect(throws: UsageError.self) { try CommandOptions(["a", "b", "c"], of: QueryCommand.syntax) }
    #expect(throws: UsageError.self) { try CommandOptions(["a"], of: TopCommand.syntax) }
    let forecast = try CommandOptions(["-min", "2", "--csv", "a", "b", "--max=3"], of: ForecastCommand.syntax)
    #expect(forecast.settings == ["-min", "2", "--max=3"] && forecast.values("csv") == ["a", "b"])
  }

  @Test("help shows the help of a command, and version what the program is")
  func helpAndVersion() async throws {
    let help = try await Daemon.run("kedastral", ["help", "replay"])
    #expect(try await Daemon.run("kedastral", ["replay", "--help"]).output == help.output && help.exitCode == 0)
    #expect(try await Daemon.run("kedastral", ["help", "demo"]).output.contains("--scaler-listen ADDRESS"))
    #expect(try await Daemon.run("kedastral", ["help"]).output == Daemon.run("kedastral", ["--help"]).output)
    let wrong = try await Daemon.run("kedastral", ["help", "reply"])
    #expect(wrong.exitCode == 2 && wrong.output.contains("did you mean replay?"))
    let version = try await Daemon.run("kedastral", ["version"])
    #expect(version.exitCode == 0 && version.output.hasPrefix("kedastral \(Program.version)\n"))
    let json = try await Daemon.run("kedastral", ["version", "-o", "json"]).output
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String])
    #expect(object["built"]?.isEmpty == false)
    #expect(object["version"] == Program.version && object["kedaAPI"] == "externalscaler.ExternalScaler")
  }

  @Test("each command explains itself with usage, examples and exit codes, and kedastral's own help names it")
  func help() async throws {
    let own = try await Daemon.run("kedastral", ["--help"]).output
    for command in Commands.all {
      let help = try await Daemon.run("kedastral", [command.name, "--help"])
      #expect(help.exitCode == 0)
      for part in ["Usage:", "Examples:", "Exit codes:"] { #expect(help.output.contains(part), "\(command.name)") }
      #expect(own.contains("\n  \(command.name) "))
    }
  }

  @Test("the page of commands matches their help; KEDASTRAL_WRITE_DOCS=1 writes it")
  func page() throws {
    let file = Repository.root.appendingPathComponent("docs/commands.md")
    let page = """
      # Commands

      `kedastral` is one program; what it does is its first argument. This page is generated from the commands' `--help`.


      """ + CommandReference.markdown
    if ProcessInfo.processInfo.environment["KEDASTRAL_WRITE_DOCS"] != nil { try Data(page.utf8).write(to: file) }
    #expect(try String(contentsOf: file, encoding: .utf8) == page)
  }

  @Test("the manual page is valid roff and contains every command and setting")
  func manual() async throws {
    let folder = try TemporaryFolder()
    let page = try await Daemon.run("kedastral", ["man"]).output
    let file = try folder.write(page, to: "kedastral.1")
    let lint = try ChildProcess("mandoc", "-T", "lint", "-W", "warning", file)
    #expect(try await lint.waitForExit() == 0, "\(lint.output)")
    let shown = try ChildProcess("mandoc", "-T", "utf8", "-O", "width=200", file)
    #expect(try await shown.waitForExit() == 0)
    let text = shown.output.replacing(/.\u{8}/, with: "")
    for part in ["COMMAND REPLAY", "-target-per-pod NUMBER [TARGET_PER_POD]", "EXIT STATUS", "--csv FILE…"] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test(
    "bash completes commands, their words, options, values and files",
    arguments: [
      (["fo"], ["forecaster", "forecast"]), (["get", ""], ["workloads", "forecast", "scaledobject"]),
      (["forecast", "--ho"], ["--horizon"]), (["run", "-hor"], ["-horizon"]),
      (["forecast", "--model", "a"], ["arima", "auto"]), (["forecast", "--model", "=", "base"], ["baseline"]),
      (["--log-level", "w"], ["warn"]), (["replay", "--startup", "60s", "--frontier"], ["--frontier-svg"]),
      (["query", "localhost", "--mode", ""], ["replicas", "load"]),
      (["replay", "--csv", "Package.sw"], ["Package.swift"]),
    ] as [([String], [String])])
  func bash(words: [String], expected: [String]) async throws {
    let script = #"""
      source <("$0" completion bash)
      COMP_WORDS=(kedastral "$@") COMP_CWORD=$#
      _kedastral
      printf '%s\n' "${COMPREPLY[@]}"
      """#
    let bash = try ChildProcess(
      "bash", arguments: ["-c", script, "\(Repository.products.path)/kedastral"] + words, directory: Repository.root)
    #expect(try await bash.waitForExit() == 0)
    #expect(bash.output.split(separator: "\n").map(String.init) == expected, "\(bash.output)")
  }

  @Test("bash completes the names of a running forecaster's workloads")
  func workloadNames() async throws {
    let forecaster = try await TestForecaster(["worker", "api"])
    let script = #"""
      PATH=$(dirname "$0"):$PATH
      source <(kedastral completion bash)
      COMP_WORDS=(kedastral "$@") COMP_CWORD=$#
      _kedastral
      printf '%s\n' "${COMPREPLY[@]}"
      """#
    for (words, expected) in [
      (["explain", ""], "api\nworker\n"), (["get", "forecast", "w"], "worker\n"),
      (["get", "forecast", "api", "w"], "worker\n"),
    ] {
      let bash = try ChildProcess(
        "bash", arguments: ["-c", script, "\(Repository.products.path)/kedastral"] + words,
        environment: ["KEDASTRAL_SERVER": forecaster.url])
      #expect(try await bash.waitForExit() == 0)
      #expect(bash.output == expected, "\(words)")
    }
    await forecaster.close()
  }

  @Test("fish completes, with a description of each word")
  func fish() async throws {
    let script = """
      \(Repository.products.path)/kedastral completion fish | source
      complete -C 'kedastral bac'
      complete -C 'kedastral replay --select a'
      """
    let folder = try TemporaryFolder()
    let fish = try ChildProcess(
      "fish", arguments: ["--no-config", "-c", script], environment: ["HOME": folder.url.path])
    #expect(try await fish.waitForExit() == 0)
    let lines = fish.output.split(separator: "\n")
    #expect(lines.count == 2 && lines[0] == "backtest\t\(BacktestCommand.summary)" && lines[1].hasPrefix("at-lead"))
  }

  @Test("zsh accepts the script and completes the commands")
  func zsh() async throws {
    let script = """
      autoload -Uz compinit && compinit -D -u
      source <(\(Repository.products.path)/kedastral completion zsh)
      print -r -- ${_comps[kedastral]}
      """
    let zsh = try ChildProcess("zsh", "-f", "-c", script)
    #expect(try await zsh.waitForExit() == 0)
    #expect(zsh.output == "_kedastral\n")
  }
}
