import KedastralCore

/// How a covariate enters a regression of the load.
struct CovariateTerm: Sendable, Equatable {
  let name: String
  let isKnownAhead: Bool
  /// By how many steps the load follows it.
  var lag: Int
  let units: LoadUnits
  /// The values that it may have, in units: those of the fit, and half their range beyond.
  let lowest: Double
  let highest: Double

  /// A covariate that varies.
  init?(_ reading: CovariateReading) {
    guard let units = LoadUnits(reading.values) else { return nil }
    let present = reading.values.filter(\.isFinite).map(units.relative)
    guard let low = present.min(), let high = present.max() else { return nil }
    let margin = (high - low) / 2
    self.init(
      name: reading.name, isKnownAhead: reading.isKnownAhead, lag: 0, units: units, lowest: low - margin,
      highest: high + margin)
  }

  init(name: String, isKnownAhead: Bool, lag: Int, units: LoadUnits, lowest: Double, highest: Double) {
    self.name = name
    self.isKnownAhead = isKnownAhead
    self.lag = lag
    self.units = units
    self.lowest = lowest
    self.highest = highest
  }

  /// How many columns it has.
  func columnCount(season: Int?) -> Int { 4 + (season == nil ? 0 : 1) + (isKnownAhead ? 1 : 0) }

  /// How many steps back from now its columns look.
  func reach(season: Int?) -> Int { lag + (season ?? 0) + CovariateTrack.usualSpan + 2 }

  /// The values in units, gaps filled.
  func track(_ values: some Sequence<Double>) -> CovariateTrack {
    CovariateTrack(values.map { $0.isFinite ? min(max(units.relative($0), lowest), highest) : .nan })
  }

  /// Appends its columns for the step `horizon` after step `now`, of which a value is known if it bears on that step.
  ///
  /// - Parameter load: the load's own forecast of that step, above the lowest load.
  func append(
    to row: inout [Double], _ track: CovariateTrack, now: Int, horizon: Int, season: Int?, load: Double
  ) {
    let last = isKnownAhead ? track.count - 1 : now
    let place = min(now + horizon - lag, last)
    row.append(track.value(place))
    row.append(track.mean(place, upTo: last))
    // What bore on the load until now.
    row.append(track.mean(now - lag, upTo: last))
    row.append(track.usual(now - lag))
    if let season { row.append(track.mean(place - season, upTo: last)) }
    // A campaign adds more to a high load than to a low one.
    if isKnownAhead { row.append(track.value(place) * load) }
  }
}

/// A covariate's values and their means around and before each step.
struct CovariateTrack: Sendable {
  /// The span of the usual level.
  static let usualSpan = 24
  private static let span = 5

  private let values: [Double]
  /// Means of five values around each step, and of the last five.
  private let centred: [Double]
  private let trailing: [Double]
  private let longer: [Double]

  var count: Int { values.count }

  /// Missing values are those before them, the first ones the first value.
  init(_ raw: [Double]) {
    var values = raw
    var last = raw.first(where: \.isFinite) ?? 0
    for index in values.indices {
      if values[index].isFinite { last = values[index] } else { values[index] = last }
    }
    self.values = values
    trailing = Self.trailing(values, Self.span)
    longer = Self.trailing(values, Self.usualSpan)
    let shift = Self.span / 2
    let (means, count) = (trailing, values.count)
    centred = values.indices.map { means[min($0 + shift, count - 1)] }
  }

  private static func trailing(_ values: [Double], _ span: Int) -> [Double] {
    var sum = 0.0
    return values.indices.map { index in
      sum += values[index]
      if index >= span { sum -= values[index - span] }
      return sum / Double(min(index + 1, span))
    }
  }

  private func place(_ step: Int) -> Int { min(max(0, step), values.count - 1) }

  /// The value at a step, or at the nearest one that there is.
  func value(_ step: Int) -> Double { values[place(step)] }

  /// The mean of a step and its neighbours, or of the steps before it where later ones are not known at `last`.
  func mean(_ step: Int, upTo last: Int) -> Double {
    step + Self.span / 2 <= last ? centred[place(step)] : trailing[place(step)]
  }

  /// The mean of the steps up to one.
  func usual(_ step: Int) -> Double { longer[place(step)] }
}
