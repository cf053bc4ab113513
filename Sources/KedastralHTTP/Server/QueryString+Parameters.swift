import KedastralCore

/// A parameter that is not as it should be.
struct InvalidParameter: Error, CustomStringConvertible {
  let name: String
  let text: String
  let right: String
  var description: String { "'\(name)' is '\(text.prefix(40))', expected \(right)" }
}

/// The parameters that routes about plans share; nil for one that is not given.
extension QueryString {
  /// How long before the load the pods are requested.
  var leadTime: Duration? {
    get throws(InvalidParameter) {
      guard let text = self["leadTime"] else { return nil }
      guard let duration = try? DurationText.parse(text), duration >= .zero else {
        throw InvalidParameter(name: "leadTime", text: text, right: "a duration such as 5m")
      }
      return duration
    }
  }

  /// A number that is as it should be; `right` says how, for the error.
  func number(
    _ name: String, in range: (Double) -> Bool, right: String
  ) throws(InvalidParameter) -> Double? {
    guard let text = self[name] else { return nil }
    guard let value = Double(text), value.isFinite, range(value) else {
      throw InvalidParameter(name: name, text: text, right: right)
    }
    return value
  }

  /// One of the values that a type has.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String
  ) throws(InvalidParameter) -> Choice? where Choice.RawValue == String {
    guard let text = self[name] else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let right = Choice.allCases.map(\.rawValue).joined(separator: " or ")
      throw InvalidParameter(name: name, text: text, right: right)
    }
    return choice
  }

  /// A whole number.
  func count(_ name: String) throws(InvalidParameter) -> Int? {
    try number(name, in: { $0 >= 0 && $0 <= 1e6 && $0 == $0.rounded() }, right: "a whole number from 0 to 1000000")
      .map { Int($0) }
  }
}
