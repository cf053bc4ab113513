import FoundationEssentials
import KedastralCore

/// Settings from environment variables, with errors that name the variable and what would be right.
struct Environment {
  /// What is wrong with a variable.
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  private let values: [String: String]

  /// An empty variable counts as one that is not set.
  init(_ values: [String: String]) { self.values = values.filter { !$0.value.isEmpty } }

  /// A text; without a default the variable must be set.
  func text(_ name: String, default fallback: String? = nil) throws -> String {
    guard let value = values[name] ?? fallback else { throw Problem(description: "\(name) is not set") }
    return value
  }

  /// A number within bounds.
  func number(_ name: String, default fallback: Double, in range: ClosedRange<Double>) throws -> Double {
    guard let text = values[name] else { return fallback }
    guard let value = Double(text), range.contains(value) else {
      throw Problem(
        description: "\(name) is '\(text)'; write a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A positive duration.
  func duration(_ name: String, default fallback: String) throws -> Duration {
    let value: Duration
    do {
      value = try DurationText.parse(try text(name, default: fallback))
    } catch {
      throw Problem(description: "\(name): \(error)")
    }
    guard value > .zero else { throw Problem(description: "\(name) must be more than zero") }
    return value
  }

  /// An instant.
  func instant(_ name: String, default fallback: Date) throws -> Date {
    guard let text = values[name] else { return fallback }
    guard let instant = Timestamp.parse(text) else {
      throw Problem(description: "\(name) is '\(text)'; write an instant such as 2026-01-31T06:00:00Z")
    }
    return instant
  }
}
