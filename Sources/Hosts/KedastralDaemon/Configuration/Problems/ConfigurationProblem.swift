/// One thing that is wrong with a configuration, as one line: where, what, and what would be right.
///
/// Values of secrets never appear in it.
package struct ConfigurationProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// Where the value in question was given.
  package let origin: Origin
  /// What is wrong and what would be right.
  package let message: String

  /// Creates a problem.
  package init(_ origin: Origin, _ message: String) {
    self.origin = origin
    self.message = message
  }

  /// The place, a colon, the message.
  package var description: String {
    let place = origin.description
    return place.isEmpty ? message : "\(place): \(message)"
  }
}

/// Everything that is wrong with a configuration, one line a problem: flags and environment first, then the file from top to bottom.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The problems; never empty.
  package let problems: [ConfigurationProblem]

  /// Creates an error from its problems.
  package init(_ problems: [ConfigurationProblem]) { self.problems = problems }

  /// The problems, one per line.
  package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Collects problems while a configuration is read, so that all are reported at once.
final class ProblemList {
  private(set) var problems: [ConfigurationProblem] = []
  private var seen: Set<ConfigurationProblem> = []

  /// Notes a problem; one that is already noted (a default shared by many workloads) counts once.
  func add(_ problem: ConfigurationProblem) {
    if seen.insert(problem).inserted { problems.append(problem) }
  }

  func add(_ origin: Origin, _ message: String) { add(ConfigurationProblem(origin, message)) }

  /// Whether something is wrong with a key of a file, or with one inside it.
  func concern(key: String) -> Bool {
    problems.contains {
      guard case .file(_, _, _, let other) = $0.origin, other.hasPrefix(key) else { return false }
      let next = other.dropFirst(key.count).first
      return next == nil || next == "." || next == "["
    }
  }

  func throwIfAny() throws(ConfigurationError) {
    guard !problems.isEmpty else { return }
    let inFile = problems.compactMap { problem -> (problem: ConfigurationProblem, place: (Int, Int))? in
      guard case .file(_, let line, let column, _) = problem.origin else { return nil }
      return (problem, (line, column))
    }
    let elsewhere = problems.filter { if case .file = $0.origin { false } else { true } }
    throw ConfigurationError(elsewhere + inFile.sorted { $0.place < $1.place }.map(\.problem))
  }
}
