import KedastralCore

extension CovariateChoice {
  /// Writes the choice.
  func write(to writer: inout ByteWriter) {
    writer.append(count: verdicts.count)
    for verdict in verdicts {
      writer.append(text: verdict.name)
      writer.append(count: verdict.lag.map { $0 + 1 } ?? 0)
      writer.append(verdict.reduction ?? .nan)
      writer.append(count: verdict.isUsed ? 1 : verdict.isMissing ? 2 : 0)
      writer.append(text: verdict.problem ?? "")
    }
    writer.append(count: fit?.terms.count ?? 0)
    guard let fit else { return }
    for term in fit.terms {
      writer.append(text: term.name)
      writer.append(count: term.isKnownAhead ? 1 : 0)
      writer.append(count: term.lag)
      for number in [term.units.centre, term.units.scale, term.lowest, term.highest] { writer.append(number) }
    }
    fit.regression.write(to: &writer)
    for spread in fit.spreads { spread.write(to: &writer) }
    for error in fit.expectedErrors { writer.append(error) }
  }

  /// Reads a choice for a regression with some horizons; nil when it is invalid.
  init?(from reader: inout ByteReader, knots: Int, season: Int?) {
    guard let count = reader.count(most: Covariate.most),
      let verdicts = reader.list(count, { Verdict(from: &$0) }), let termCount = reader.count(most: Covariate.most)
    else { return nil }
    self.init(verdicts: verdicts)
    guard termCount > 0 else { return }
    guard let terms = reader.list(termCount, { CovariateTerm(from: &$0) }),
      let regression = DirectRegression(Self.plan(terms, season: season), knots: knots, from: &reader),
      let spreads = reader.list(knots, { SpreadModel(from: &$0) }),
      let errors = reader.list(knots, { $0.finiteDouble() })
    else { return nil }
    fit = Fit(terms: terms, regression: regression, spreads: spreads, expectedErrors: errors)
  }
}

extension CovariateChoice.Verdict {
  fileprivate init?(from reader: inout ByteReader) {
    guard let name = reader.text(), let lag = reader.count(most: 1 << 20), let reduction = reader.double(),
      let use = reader.count(most: 2), let problem = reader.text()
    else { return nil }
    self.init(
      name: name, lag: lag > 0 ? lag - 1 : nil, reduction: reduction.isNaN ? nil : reduction, isUsed: use == 1,
      isMissing: use == 2, problem: problem.isEmpty ? nil : problem)
  }
}

extension CovariateTerm {
  fileprivate init?(from reader: inout ByteReader) {
    guard let name = reader.text(), let isKnownAhead = reader.count(most: 1), let lag = reader.count(most: 1 << 20),
      let centre = reader.finiteDouble(), let scale = reader.finiteDouble(), scale > 0,
      let lowest = reader.finiteDouble(), let highest = reader.finiteDouble(), lowest <= highest
    else { return nil }
    self.init(
      name: name, isKnownAhead: isKnownAhead == 1, lag: lag, units: LoadUnits(centre: centre, scale: scale),
      lowest: lowest, highest: highest)
  }
}

extension ByteWriter {
  fileprivate mutating func append(text: String) {
    // What is longer says nothing more.
    var bytes = Array(text.utf8.prefix(1000))
    while !bytes.isEmpty, String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
    append(count: bytes.count)
    append(bytes)
  }
}

extension ByteReader {
  fileprivate mutating func text() -> String? {
    guard let count = count(most: 1 << 10), let bytes = take(count) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }
}
