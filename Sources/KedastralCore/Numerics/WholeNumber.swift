/// Reads whole numbers as people and templates write them.
package enum WholeNumber {
  /// The number of a text such as `20`, `20.0` or `4.194304e+06` (as Helm writes seven digits and more); nil when the text is
  /// not a number, has a fraction, or does not fit.
  package static func parse(_ text: some StringProtocol) -> Int? {
    if let number = Int(text) { return number }
    var rest = Substring(text)
    let sign = rest.first == "-" || rest.first == "+" ? String(rest.removeFirst()) : ""
    let whole = digits(&rest)
    var fraction: Substring = ""
    if rest.first == "." {
      rest.removeFirst()
      fraction = digits(&rest)
    }
    guard !whole.isEmpty || !fraction.isEmpty else { return nil }
    var exponent = 0
    if let letter = rest.first, letter == "e" || letter == "E" {
      rest.removeFirst()
      guard let number = Int(rest), (-1_000...1_000).contains(number) else { return nil }
      exponent = number
      rest = ""
    }
    guard rest.isEmpty else { return nil }
    // All digits as one whole number, times a power of ten.
    var significant = (whole + fraction).drop { $0 == "0" }
    exponent -= fraction.count
    while significant.last == "0" {
      significant.removeLast()
      exponent += 1
    }
    if significant.isEmpty { return 0 }
    guard exponent >= 0, significant.count + exponent <= 19 else { return nil }
    return Int(sign + significant + String(repeating: "0", count: exponent))
  }

  private static func digits(_ rest: inout Substring) -> Substring {
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    rest = rest.dropFirst(digits.count)
    return digits
  }
}
