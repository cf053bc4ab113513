/// Why a snapshot was rejected. The last valid one stays in use.
public enum SnapshotError: Error, Equatable, CustomStringConvertible {
  /// It is not JSON, or a field is missing or of the wrong type.
  case malformed(String)
  /// An array's length does not fit the others.
  case lengthMismatch(field: String, count: Int, expected: Int)
  /// A number is out of its range.
  case invalidNumber(field: String, problem: String)
  /// The workload's name is invalid.
  case invalidWorkload(InvalidWorkloadName)

  public var description: String {
    switch self {
    case .malformed(let problem): "snapshot rejected: \(problem)"
    case .lengthMismatch(let field, let count, let expected):
      "snapshot rejected: '\(field)' has \(count) entries, expected \(expected)"
    case .invalidNumber(let field, let problem): "snapshot rejected: '\(field)' \(problem)"
    case .invalidWorkload(let error): "snapshot rejected: 'workload' \(error)"
    }
  }
}
