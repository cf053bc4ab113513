/// A margin's text that is not valid.
package struct InvalidMargin: Error, Equatable, CustomStringConvertible {
  package let description: String
}

extension PolicyConfiguration {
  /// The same policy with the margin that `text` states: `objective=99%`, `quantile=p95`, `headroom=1.2` or `cost=100`.
  ///
  /// - Throws: ``InvalidMargin`` for an unknown kind of margin, and for a value that its setting refuses.
  package func withMargin(_ text: String) throws(InvalidMargin) -> PolicyConfiguration {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else {
      throw InvalidMargin(description: "'\(text)' is not a margin; write one such as objective=99%")
    }
    var policy = self
    (policy.objective, policy.quantileLevel, policy.shortageCost) = (nil, nil, nil)
    do throws(SettingValueError) {
      switch parts[0] {
      case "objective": policy.objective = try ObjectiveShare(settingText: parts[1]).share
      case "quantile": policy.quantileLevel = try QuantileLevel(settingText: parts[1]).level
      case "headroom": policy.headroom = try Self.positive(parts[1])
      case "cost": policy.shortageCost = try Self.positive(parts[1])
      default:
        throw SettingValueError(
          wrong: "is an unknown kind of margin", right: "write objective=, quantile=, headroom= or cost=")
      }
    } catch { throw InvalidMargin(description: "'\(text)' \(error.wrong); \(error.right)") }
    return policy
  }

  private static func positive(_ text: String) throws(SettingValueError) -> Double {
    guard let number = Double(text), number.isFinite, number > 0 else {
      throw SettingValueError(wrong: "is not a number above 0", right: "write one such as headroom=1.2")
    }
    return number
  }
}
