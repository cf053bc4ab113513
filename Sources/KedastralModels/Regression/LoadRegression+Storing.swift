import KedastralCore

extension LoadRegression {
  private static let mostSteps = 1 << 20
  private static let mostKnots = 64

  /// Writes the regression: what its plans say is computed again.
  func write(to writer: inout ByteWriter) {
    let layout = features.layout
    for steps in [layout.season, layout.shortSeason, layout.week] { writer.append(count: steps ?? 0) }
    for number in [units.centre, units.scale, features.lowest] { writer.append(number) }
    writer.append(count: seasonCount)
    writer.append(count: knots.count)
    for knot in knots { writer.append(count: knot) }
    writer.append(count: members.count)
    for member in members { member.write(to: &writer) }
    writer.append(count: autoregression.lags)
    writer.append(floats: autoregression.coefficients)
    for shares in knotShares { writer.append(floats: shares) }
    for spread in spreads { spread.write(to: &writer) }
    writer.append(floats: expectedErrors)
  }

  /// Reads a regression; nil when it is invalid.
  init?(from reader: inout ByteReader) {
    var lengths: [Int?] = []
    for _ in 0..<3 {
      guard let steps = reader.count(most: Self.mostSteps) else { return nil }
      lengths.append(steps > 0 ? steps : nil)
    }
    let layout = LoadTracker.Layout(season: lengths[0], shortSeason: lengths[1], week: lengths[2])
    guard layout.week == nil || layout.season != nil, let centre = reader.finiteDouble(),
      let scale = reader.finiteDouble(), scale > 0, let lowest = reader.finiteDouble(),
      let seasonCount = reader.count(most: Self.mostSteps), let knotCount = reader.count(most: Self.mostKnots),
      let knots = reader.list(knotCount, { $0.count(most: Self.mostSteps) }), knots.first == 1,
      zip(knots, knots.dropFirst()).allSatisfy(<)
    else { return nil }
    let features = LoadFeatures(layout: layout, lowest: lowest)
    let plans = Self.plans(features)
    guard reader.count(most: plans.count) == plans.count else { return nil }
    var members: [DirectRegression] = []
    for plan in plans {
      guard let member = DirectRegression(plan, knots: knotCount, from: &reader) else { return nil }
      members.append(member)
    }
    guard let lags = reader.count(most: Autoregression.mostLags), let coefficients = reader.floats(lags + 1),
      let knotShares = reader.list(knotCount, { $0.floats(plans.count + 1) }),
      let spreads = reader.list(knotCount, { SpreadModel(from: &$0) }), let expectedErrors = reader.floats(knotCount)
    else { return nil }
    self.init(
      units: LoadUnits(centre: centre, scale: scale), features: features, members: members,
      autoregression: Autoregression(coefficients: coefficients), knotShares: knotShares,
      knots: knots, spreads: spreads, expectedErrors: expectedErrors, seasonCount: seasonCount)
  }
}

extension DirectRegression {
  func write(to writer: inout ByteWriter) {
    writer.append(count: plan.starts.firstIndex { $0.kind == start } ?? 0)
    writer.append(penalty ?? .nan)
    for coefficient in coefficients { writer.append(coefficient) }
  }

  init?(_ plan: Plan, knots: Int, from reader: inout ByteReader) {
    guard let start = reader.count(most: plan.starts.count - 1), let penalty = reader.double(),
      let coefficients = reader.floats(knots * (plan.columns.count + 1))
    else { return nil }
    self.init(
      coefficients: coefficients.map { Float($0) }, plan: plan, start: plan.starts[start].kind,
      penalty: penalty.isNaN ? nil : penalty)
  }
}

extension SpreadModel {
  /// The number of signals in use.
  private static let signalCount = 5

  func write(to writer: inout ByteWriter) {
    writer.append(floats: (0..<Self.signalCount).map { gains[$0] })
    writer.append(floor)
    writer.append(floats: quantiles)
  }

  init?(from reader: inout ByteReader) {
    guard let gains = reader.floats(Self.signalCount), gains.allSatisfy({ $0 >= 0 }),
      let floor = reader.finiteDouble(), floor > 0, let quantiles = reader.floats(Self.levels.count)
    else { return nil }
    var signals = Signals.zero
    for (index, gain) in gains.enumerated() { signals[index] = gain }
    self.init(gains: signals, floor: floor, quantiles: quantiles)
  }
}

extension ByteWriter {
  fileprivate mutating func append(floats numbers: [Double]) {
    for number in numbers { append(Float(number)) }
  }
}

extension ByteReader {
  fileprivate mutating func floats(_ count: Int) -> [Double]? { list(count) { $0.finiteFloat() } }
}
