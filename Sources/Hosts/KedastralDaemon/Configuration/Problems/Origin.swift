/// Where a setting's value was given, so that an error can say where to mend it.
package enum Origin: Sendable, Hashable, CustomStringConvertible {
  /// A command-line flag, by its name without dashes.
  case flag(String)
  /// An environment variable.
  case environment(String)
  /// A place in a configuration file: line and column count from 1, `key` is the path of keys such as `workloads[0].policy.min`.
  case file(String, line: Int, column: Int, key: String)
  /// The default of the setting with this flag.
  case builtIn(flag: String)
  /// No place: something is missing altogether.
  case nowhere

  /// Whether the value is a default.
  var isBuiltIn: Bool { if case .builtIn = self { true } else { false } }

  /// How strong the place is: a flag or variable replaces what a file says, and a file a default.
  var rank: Int {
    switch self {
    case .flag, .environment: 3
    case .file: 2
    case .builtIn: 1
    case .nowhere: 0
    }
  }

  /// The place as an error begins with it: `-min`, `MIN_REPLICAS`, `kedastral.yaml:7:12: workloads[0].policy.min`.
  package var description: String {
    switch self {
    case .flag(let name): "-\(name)"
    case .environment(let name): name
    case .file(let file, let line, let column, let key): "\(file):\(line):\(column)" + (key.isEmpty ? "" : ": \(key)")
    case .builtIn(let flag): "-\(flag) (default)"
    case .nowhere: ""
    }
  }
}
