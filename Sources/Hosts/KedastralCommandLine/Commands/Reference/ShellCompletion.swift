import KedastralDaemon

/// Completion scripts for shells.
struct ShellCompletion {
  /// A shell.
  enum Shell: String, CaseIterable {
    case bash
    case zsh
    case fish
  }

  let syntax: CommandLineSyntax

  /// The script for a shell.
  func script(_ shell: Shell) -> String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    case .fish: fish
    }
  }

  /// Asks the forecaster for the names of its workloads; silent when it does not respond.
  private static let workloadNames = "kedastral get workloads -o name --timeout 1s 2>/dev/null"

  // MARK: bash

  private var bash: String {
    var cases = ""
    for word in syntax.words {
      cases += "    \(word.name))\n      words='\(word.arguments.joined(separator: " "))'\n"
      if word.hasWorkloadNames {
        let place = word.arguments.isEmpty ? 1 : 2
        cases += "      [ \"$COMP_CWORD\" -le \(place) ] || words=$(\(Self.workloadNames))\n"
      }
      cases += "      options='\(flags(word.options))'\n"
      cases += bashValues(word.options, indent: "      ") + "      ;;\n"
    }
    return """
      # bash completion of kedastral; load it by: source <(kedastral completion bash)
      _kedastral() {
        local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
        local command=${COMP_WORDS[1]} words='' options='' values='' files=''
        COMPREPLY=()
        if [ "$word" = = ]; then
          word=''
        elif [ "$previous" = = ] && [ "$COMP_CWORD" -gt 2 ]; then
          previous=${COMP_WORDS[COMP_CWORD - 2]}
        fi
        previous=${previous#-}
        previous=${previous#-}
        [ "$COMP_CWORD" -gt 1 ] || command=''
        case $command in
      \(cases)    *)
            [ "$COMP_CWORD" -gt 1 ] || words='\(syntax.words.map(\.name).joined(separator: " "))'
            options='\(flags(syntax.settings))'
      \(bashValues(syntax.settings, indent: "      "))      ;;
        esac
        if [ -n "$files" ]; then
          compopt -o filenames 2>/dev/null
          mapfile -t COMPREPLY < <(compgen -f -- "$word")
        elif [ -n "$values" ]; then
          mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
        elif [ "${word#-}" != "$word" ]; then
          # One dash is as good as two.
          [[ $word != -[!-]* ]] || options=${options//--/-}
          mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$word")
        else
          mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        fi
      }
      complete -F _kedastral kedastral
      """
  }

  private func bashValues(_ options: [CommandSyntax.Option], indent: String) -> String {
    var text = ""
    let files = options.filter(\.isFile).map(\.name)
    let chosen = options.filter { !$0.choices.isEmpty }
    guard !files.isEmpty || !chosen.isEmpty else { return "" }
    text += "\(indent)case $previous in\n"
    for option in chosen {
      let names = option.name + (option.short.map { " | \($0)" } ?? "")
      text += "\(indent)  \(names)) values='\(option.choices.joined(separator: " "))' ;;\n"
    }
    if !files.isEmpty { text += "\(indent)  \(files.joined(separator: " | "))) files=yes ;;\n" }
    return text + "\(indent)esac\n"
  }

  private func flags(_ options: [CommandSyntax.Option]) -> String {
    options.flatMap(spellings).joined(separator: " ")
  }

  private func spellings(_ option: CommandSyntax.Option) -> [String] {
    (option.short.map { ["-\($0)"] } ?? []) + ["--\(option.name)"]
  }

  // MARK: zsh

  private var zsh: String {
    func quoted(_ text: String) -> String {
      text.reduce(into: "") { result, character in
        switch character {
        case "'": result += "'\\''"
        case ":", "[", "]", "\\": result += "\\\(character)"
        default: result.append(character)
        }
      }
    }
    func arguments(_ word: CommandLineSyntax.Word) -> String {
      var lines = word.options.flatMap { option in
        let value =
          option.value == nil
          ? "" : option.isFile ? ":file:_files" : ":value:(\(option.choices.map(quoted).joined(separator: " ")))"
        return spellings(option).map { "'*\($0)[\(quoted(option.help))]\(value)'" }
      }
      lines.append("'--help[explain it]'")
      let names = "*:workload:(${(f)\"$(\(Self.workloadNames))\"})"
      if word.hasWorkloadNames { lines.append("\"\(names.replacing("\"", with: "\\\""))\"") }
      if !word.arguments.isEmpty { lines.append("'1:what:(\(word.arguments.joined(separator: " ")))'") }
      return lines.joined(separator: " \\\n        ")
    }
    let commands = syntax.words.map { "    '\($0.name):\(quoted($0.summary))'" }.joined(separator: "\n")
    let cases = syntax.words.map { "    \($0.name)) _arguments \\\n        \(arguments($0)) ;;" }
      .joined(separator: "\n")
    let settings = CommandLineSyntax.Word(name: "", summary: "", options: syntax.settings)
    return """
      #compdef kedastral
      # zsh completion of kedastral; load it by: source <(kedastral completion zsh)
      _kedastral() {
        local -a commands
        commands=(
      \(commands)
        )
        if (( CURRENT == 2 )) && [[ ${words[2]} != -* ]]; then
          _describe -t commands command commands
          return
        fi
        case ${words[2]} in
          -*) _arguments \\
              \(arguments(settings)) ;;
          *) shift words; (( CURRENT-- )) ;;
        esac
        case ${words[1]} in
      \(cases)
        esac
      }
      if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then _kedastral "$@"; else compdef _kedastral kedastral; fi
      """
  }

  // MARK: fish

  private var fish: String {
    func quoted(_ text: String) -> String {
      "'" + text.reduce(into: "") { $0 += $1 == "'" || $1 == "\\" ? "\\\($1)" : "\($1)" } + "'"
    }
    var lines = [
      "# fish completion of kedastral; load it by: kedastral completion fish | source", "complete -c kedastral -f",
    ]
    for word in syntax.words {
      lines.append(
        "complete -c kedastral -n __fish_use_subcommand -a \(word.name) -d \(quoted(word.summary))")
      let condition = "-n '__fish_seen_subcommand_from \(word.name)'"
      if word.hasWorkloadNames { lines.append("complete -c kedastral \(condition) -a '(\(Self.workloadNames))'") }
      for argument in word.arguments { lines.append("complete -c kedastral \(condition) -a \(argument)") }
      lines += word.options.map { "complete -c kedastral \(condition) " + fishOption($0, quoted) }
    }
    lines += syntax.settings.map { "complete -c kedastral -n __fish_use_subcommand " + fishOption($0, quoted) }
    return lines.joined(separator: "\n")
  }

  private func fishOption(_ option: CommandSyntax.Option, _ quoted: (String) -> String) -> String {
    var text = "-l \(option.name)" + (option.short.map { " -s \($0)" } ?? "")
    if option.isFile {
      text += " -r -F"
    } else if option.value != nil {
      text += " -x" + (option.choices.isEmpty ? "" : " -a \(quoted(option.choices.joined(separator: " ")))")
    }
    return option.help.isEmpty ? text : text + " -d \(quoted(option.help))"
  }
}
